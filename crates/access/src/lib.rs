//! Who may do what: roles, node keys, viewer tokens, the administrator token. Pure: no I/O, no clock but the one passed in.

mod administrator;
mod node_key;
pub mod roles;
mod viewer;

pub use administrator::AdministratorToken;
pub use node_key::{InvalidKey, KeyHash, NodeKey};
pub use roles::{Grant, Right, Role, Roles};
pub use viewer::{CameraLimits, TokenError, ViewerToken, ViewerTokens};

/// Characters that a secret from the settings must have at least.
pub const MIN_SECRET_LENGTH: usize = 32;
