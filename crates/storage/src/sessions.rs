//! Sessions of users. Only hashes of their secrets are known here.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    Change, Database, Error,
    users::{self, User},
};

/// SHA-256 of the secret of a session.
pub type SessionHash = [u8; 32];

/// How exactly it is kept when somebody was last there. Finer would make every request a write.
const SEEN_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Of more sessions of one user the oldest end.
const MOST_OF_A_USER: i64 = 50;

/// A session to be begun.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// The hash of its secret.
    pub hash: &'a SessionHash,
    /// Whose it is.
    pub user: Uuid,
    /// The hash of the password that was shown.
    pub password_hash: &'a str,
    /// Now.
    pub now: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// A session that goes on, and whose it is.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose it is, as they are now.
    pub user: User,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// Begins a session, in the place of the one with the hash `replaced`. Says whether there is one now: not if the user was
/// disabled, or got another password, since the one that was shown was compared.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn begin(change: &Change, new: &NewSession<'_>, replaced: Option<&SessionHash>) -> Result<bool, Error> {
    // First of all, as in `users::update`: of the two, one waits for the other and finds what it did.
    let seen = "update user_account set last_seen_at = $3 where id = $1 and password_hash = $2 and disabled_at is null";
    if change.execute(seen, &[&new.user, &new.password_hash, &new.now]).await? == 0 {
        return Ok(false);
    }
    let replaced = replaced.map(<[u8; 32]>::as_slice);
    let replace = "delete from session where secret_hash = $1";
    change.execute(replace, &[&replaced]).await?;
    let begin =
        "insert into session (secret_hash, user_id, created_at, last_seen_at, expires_at) values ($1, $2, $3, $3, $4)";
    change
        .execute(begin, &[&new.hash.as_slice(), &new.user, &new.now, &new.expires_at])
        .await?;
    let bound = "delete from session where secret_hash in
                     (select secret_hash from session where user_id = $1 order by last_seen_at desc offset $2)";
    change.execute(bound, &[&new.user, &MOST_OF_A_USER]).await?;
    Ok(true)
}

/// Gives a session another secret. Says whether there still is such a session.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn renew(change: &Change, old: &SessionHash, new: &SessionHash) -> Result<bool, Error> {
    let renew = "update session set secret_hash = $2 where secret_hash = $1";
    let renewed = change.execute(renew, &[&old.as_slice(), &new.as_slice()]).await?;
    Ok(renewed > 0)
}

/// The session with this hash, if it has not ended, was used within the time `idle`, and its user is not disabled. It counts
/// as used `now`.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn find(db: &Database, hash: &SessionHash, now: Timestamp, idle: Duration) -> Result<Option<Session>, Error> {
    let client = db.client().await?;
    let question = format!(
        "select {}, session.last_seen_at as used_at, session.expires_at
         from session join user_account on user_account.id = session.user_id
         where secret_hash = $1 and session.expires_at > $2 and session.last_seen_at > $3 and disabled_at is null",
        users::COLUMNS
    );
    let Some(row) = client
        .query_opt(&question, &[&hash.as_slice(), &now, &(now - idle)])
        .await?
    else {
        return Ok(None);
    };
    let user = users::user(&row)?;
    if now - SEEN_EVERY >= row.try_get("used_at")? {
        let seen = "with used as (update session set last_seen_at = $2 where secret_hash = $1)
                    update user_account set last_seen_at = $2 where id = $3";
        client.execute(seen, &[&hash.as_slice(), &now, &user.id]).await?;
    }
    let expires_at = row.try_get("expires_at")?;
    Ok(Some(Session { user, expires_at }))
}

/// Ends a session. Ending it again changes nothing.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn end(change: &Change, hash: &SessionHash) -> Result<(), Error> {
    let delete = "delete from session where secret_hash = $1";
    change.execute(delete, &[&hash.as_slice()]).await?;
    Ok(())
}

/// Forgets the sessions that have ended, or were not used for the time `idle`.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn sweep(db: &Database, now: Timestamp, idle: Duration) -> Result<u64, Error> {
    let delete = "delete from session where expires_at <= $1 or last_seen_at <= $2";
    Ok(db.client().await?.execute(delete, &[&now, &(now - idle)]).await?)
}
