//! Who may do what: roles, passwords, sessions, node keys, API tokens, viewer tokens, upload tokens, the administrator token. Pure:
//! no I/O, no clock but the one passed in.

mod administrator;
mod key;
pub mod password;
pub mod roles;
mod session;
mod upload;
mod viewer;

pub use administrator::AdministratorToken;
pub use key::{ApiToken, InvalidKey, Key, KeyHash, NodeKey};
pub use password::{Password, WeakPassword};
pub use roles::{Grant, Right, Role, Roles, UnknownRole};
pub use session::{SessionHash, SessionSecret};
pub use upload::{UPLOAD_TOKEN_TTL, UploadToken, UploadTokens};
pub use viewer::{CameraLimits, TokenError, Venues, ViewerToken, ViewerTokens};

/// Characters that a secret from the settings must have at least.
pub const MIN_SECRET_LENGTH: usize = 32;
