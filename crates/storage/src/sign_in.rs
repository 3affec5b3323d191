//! How often somebody may try to sign in: counted here, so that it holds for all instances of the console together.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Transaction;

use crate::{Database, Error};

/// An account or an address, as a hash: what was typed as a name may be a password in the wrong field.
pub type Subject = [u8; 32];

/// Who does not try for so long is forgotten.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// The longest wait between two attempts.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Of more subjects those are forgotten that tried least, unless they have to wait.
const MOST_SUBJECTS: i64 = 50_000;

/// Whose attempts are counted, and how many of them are free. With each one more the wait doubles, from a second on.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// An account, or an address.
    pub subject: Subject,
    /// Attempts without a wait.
    pub free: i32,
}

/// Begins an attempt: counts it for each of `all` before the password is looked at, so that a thousand attempts at once are
/// no way around it. Otherwise tells how long to wait, and counts nothing.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn attempt(db: &Database, all: &[Counted], now: Timestamp) -> Result<Result<(), Duration>, Error> {
    let mut client = db.client().await?;
    let transaction = client.transaction().await?;
    for counted in all {
        if let Some(wait) = count(&transaction, counted, now).await? {
            return Ok(Err(wait));
        }
    }
    transaction.commit().await?;
    Ok(Ok(()))
}

/// The attempt was a good one: the `account` begins anew. The `address` only gets it back, so that somebody with an account
/// cannot go on guessing those of others without a wait.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn succeeded(db: &Database, account: &Subject, address: Option<&Subject>) -> Result<(), Error> {
    let client = db.client().await?;
    let forget = "delete from sign_in_throttle where subject = $1";
    client.execute(forget, &[&account.as_slice()]).await?;
    if let Some(address) = address {
        let give_back = "update sign_in_throttle set attempts = attempts - 1, blocked_until = last_at
                         where subject = $1 and attempts > 0";
        client.execute(give_back, &[&address.as_slice()]).await?;
    }
    Ok(())
}

/// Takes back an attempt that was counted, as no password was looked at.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn take_back(db: &Database, all: &[Counted]) -> Result<(), Error> {
    let subjects: Vec<_> = all.iter().map(|counted| counted.subject.as_slice()).collect();
    let give_back = "update sign_in_throttle set attempts = attempts - 1, blocked_until = last_at
                     where subject = any($1) and attempts > 0";
    db.client().await?.execute(give_back, &[&subjects]).await?;
    Ok(())
}

/// Forgets who has not tried for a while. Whoever has to wait is not forgotten, however many names others try.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn sweep(db: &Database, now: Timestamp) -> Result<u64, Error> {
    let delete = "delete from sign_in_throttle where last_at < $1 or subject in
                      (select subject from sign_in_throttle where last_at >= $1 and blocked_until <= $3
                       order by attempts, last_at
                       limit greatest((select count(*) from sign_in_throttle where last_at >= $1) - $2, 0))";
    let forgotten = now - FORGOTTEN_AFTER;
    Ok(db
        .client()
        .await?
        .execute(delete, &[&forgotten, &MOST_SUBJECTS, &now])
        .await?)
}

/// Counts an attempt, or tells how long to wait.
async fn count(transaction: &Transaction<'_>, counted: &Counted, now: Timestamp) -> Result<Option<Duration>, Error> {
    let subject = counted.subject.as_slice();
    // The update that changes nothing locks the row, so that attempts at once are counted one after the other.
    let lock = "insert into sign_in_throttle (subject, attempts, last_at, blocked_until) values ($1, 0, $2, $2)
                on conflict (subject) do update set subject = excluded.subject
                returning attempts, last_at, blocked_until";
    let row = transaction.query_one(lock, &[&subject, &now]).await?;
    let (attempts, last_at): (i32, Timestamp) = (row.try_get("attempts")?, row.try_get("last_at")?);
    let blocked_until: Timestamp = row.try_get("blocked_until")?;
    if blocked_until > now {
        return Ok(Some(blocked_until.duration_since(now).unsigned_abs()));
    }
    let before = if now - FORGOTTEN_AFTER > last_at { 0 } else { attempts };
    let attempts = before.saturating_add(1);
    let blocked_until = now + wait_after(attempts, counted.free);
    let update = "update sign_in_throttle set attempts = $2, last_at = $3, blocked_until = $4 where subject = $1";
    transaction
        .execute(update, &[&subject, &attempts, &now, &blocked_until])
        .await?;
    Ok(None)
}

/// How long to wait after so many attempts, of which some are `free`.
fn wait_after(attempts: i32, free: i32) -> SignedDuration {
    let Ok(doublings) = u32::try_from(attempts - free - 1) else {
        return SignedDuration::ZERO;
    };
    SignedDuration::from_secs(1 << doublings.min(30)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let waits: Vec<_> = (1..=20).map(|attempts| wait_after(attempts, 5).as_secs()).collect();
        let expected = [
            0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900,
        ];
        assert_eq!(waits, expected);
        assert_eq!(wait_after(i32::MAX, 5), LONGEST_WAIT);
    }
}
