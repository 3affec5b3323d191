//! API tokens: only their hashes are known here.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    Change, Client, Database, Error,
    users::{self, StoredRole},
};

/// A token as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// A UUIDv7.
    pub id: Uuid,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// The beginning of the token, to tell it from others.
    pub prefix: String,
    /// What its bearer is where.
    pub roles: Vec<StoredRole>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// When the console was last asked with it, to the minute. (`stats` only reads.)
    pub last_used_at: Option<Timestamp>,
}

/// A token to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// A UUIDv7.
    pub id: Uuid,
    /// What it is for.
    pub name: &'a str,
    /// The beginning of the token.
    pub prefix: &'a str,
    /// SHA-256 of the token.
    pub hash: &'a [u8; 32],
    /// What its bearer is where.
    pub roles: &'a [StoredRole],
    /// Who makes it.
    pub created_by: &'a str,
    /// Now.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// What a valid token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidToken {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// What its bearer is where.
    pub roles: Vec<StoredRole>,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

const ROLES: &str = "
    array(select venue from api_token_role where token_id = api_token.id order by venue nulls first) as venues,
    array(select role from api_token_role where token_id = api_token.id order by venue nulls first) as roles";

/// Stores a new token.
///
/// # Errors
/// [`Error::NotFound`] when a venue does not exist; [`Error::Conflict`] when the prefix is taken by chance.
pub async fn create(change: &Change, new: &NewToken<'_>) -> Result<ApiToken, Error> {
    let statement = "insert into api_token (id, name, prefix, token_hash, created_by, created_at, expires_at)
                     values ($1, $2, $3, $4, $5, $6, $7) on conflict (prefix) do nothing";
    let hash = new.hash.as_slice();
    let created = change
        .execute(
            statement,
            &[
                &new.id,
                &new.name,
                &new.prefix,
                &hash,
                &new.created_by,
                &new.created_at,
                &new.expires_at,
            ],
        )
        .await?;
    if created == 0 {
        let prefix = new.prefix;
        return Err(Error::Conflict(format!(
            "another token begins with {prefix} by chance; try again"
        )));
    }
    let (venues, roles) = users::columns(change, new.roles).await?;
    let statement =
        "insert into api_token_role (token_id, venue, role) select $1, * from unnest($2::text[], $3::text[])";
    change.execute(statement, &[&new.id, &venues, &roles]).await?;
    read(change, new.id).await
}

/// All tokens, newest first, those that were revoked or have expired, too.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn list(db: &Database) -> Result<Vec<ApiToken>, Error> {
    let question = format!("select *, {ROLES} from api_token order by id desc");
    let rows = db.client().await?.query(&question, &[]).await?;
    rows.iter().map(api_token).collect()
}

/// One token.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn get(db: &Database, id: Uuid) -> Result<ApiToken, Error> {
    read(&db.client().await?, id).await
}

/// Revokes a token. Revoking it again changes nothing.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn revoke(change: &Change, id: Uuid) -> Result<(), Error> {
    let statement = "update api_token set revoked_at = now() where id = $1 and revoked_at is null";
    if change.execute(statement, &[&id]).await? == 0 {
        read(change, id).await?;
    }
    Ok(())
}

/// What the token with this hash says, unless it was revoked or has expired. Asks for no more than the read-only role may
/// see (see the module `reader`).
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn verify(db: &Database, hash: &[u8; 32], now: Timestamp) -> Result<Option<ValidToken>, Error> {
    let question = format!(
        "select id, name, expires_at, {ROLES} from api_token
         where token_hash = $1 and revoked_at is null and expires_at > $2"
    );
    let ask = async {
        Ok(db
            .client()
            .await?
            .query_opt(&question, &[&hash.as_slice(), &now])
            .await?)
    };
    let found = db.in_time(ask).await?;
    found.as_ref().map(valid_token).transpose()
}

/// Notes that a token was used, once a minute at most.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn used(db: &Database, id: Uuid, now: Timestamp) -> Result<(), Error> {
    let statement = "update api_token set last_used_at = $2
                     where id = $1 and (last_used_at is null or last_used_at <= $2::timestamptz - interval '1 minute')";
    let note = async { Ok(db.client().await?.execute(statement, &[&id, &now]).await?) };
    db.in_time(note).await?;
    Ok(())
}

async fn read(client: &Client, id: Uuid) -> Result<ApiToken, Error> {
    let question = format!("select *, {ROLES} from api_token where id = $1");
    let row = client.query_opt(&question, &[&id]).await?;
    api_token(&row.ok_or_else(|| Error::NotFound(format!("there is no API token {id}")))?)
}

fn valid_token(row: &Row) -> Result<ValidToken, Error> {
    Ok(ValidToken {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        roles: users::roles(row)?,
        expires_at: row.try_get("expires_at")?,
    })
}

fn api_token(row: &Row) -> Result<ApiToken, Error> {
    let ValidToken {
        id,
        name,
        roles,
        expires_at,
    } = valid_token(row)?;
    Ok(ApiToken {
        id,
        name,
        prefix: row.try_get("prefix")?,
        roles,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        expires_at,
        revoked_at: row.try_get("revoked_at")?,
        last_used_at: row.try_get("last_used_at")?,
    })
}
