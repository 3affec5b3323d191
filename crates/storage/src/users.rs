//! Users of the console, and what they are in which venue.

use citytrack_domain::Slug;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{Change, Client, Database, Error, column, sessions::SessionHash};

/// Somebody who can sign in. The hash of the password is not among what is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// A UUIDv7.
    pub id: Uuid,
    /// What they type to sign in, in lower case.
    pub name: String,
    /// Their name for people.
    pub display_name: String,
    /// What they are where.
    pub roles: Vec<StoredRole>,
    /// When they were created.
    pub created_at: Timestamp,
    /// When they last did something here, to the minute.
    pub last_seen_at: Option<Timestamp>,
    /// Since when they may not sign in.
    pub disabled_at: Option<Timestamp>,
}

/// A role as it is stored; `citytrack_access::Role` knows what the words mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRole {
    /// In which venue; `None`: in all of them.
    pub venue: Option<Slug>,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
}

/// A user to be created.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// A UUIDv7.
    pub id: Uuid,
    /// What they type to sign in, in lower case.
    pub name: &'a str,
    /// Their name for people.
    pub display_name: &'a str,
    /// In the PHC string format.
    pub password_hash: &'a str,
    /// What they are where.
    pub roles: &'a [StoredRole],
}

/// What changes about a user; `None`: it stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserChange<'a> {
    /// Their name for people.
    pub display_name: Option<&'a str>,
    /// In the PHC string format. Ends their sessions, except `kept_session`.
    pub password_hash: Option<&'a str>,
    /// The session in which they change their password themselves.
    pub kept_session: Option<&'a SessionHash>,
    /// The hash of the password that they have to have still, as it was compared with what they typed.
    pub known_hash: Option<&'a str>,
    /// Whether they may not sign in. Ends all their sessions.
    pub disabled: Option<bool>,
    /// What they are where, all of it.
    pub roles: Option<&'a [StoredRole]>,
}

/// Whom a name belongs to, for signing in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user.
    pub id: Uuid,
    /// In the PHC string format.
    pub password_hash: String,
}

/// The columns of a [`User`] in queries over `user_account`.
pub(crate) const COLUMNS: &str =
    "user_account.id, name, display_name, user_account.created_at, user_account.last_seen_at, disabled_at,
    array(select venue from user_role where user_id = user_account.id order by venue nulls first) as venues,
    array(select role from user_role where user_id = user_account.id order by venue nulls first) as roles";

/// Creates a user.
///
/// # Errors
/// [`Error::Conflict`] when the name is taken, also by a disabled user; [`Error::NotFound`] when a venue does not exist.
pub async fn create(change: &Change, new: &NewUser<'_>) -> Result<User, Error> {
    let created = change
        .execute(
            "insert into user_account (id, name, display_name, password_hash) values ($1, $2, $3, $4)
             on conflict (name) do nothing",
            &[&new.id, &new.name, &new.display_name, &new.password_hash],
        )
        .await?;
    if created == 0 {
        return Err(Error::Conflict(format!("there is a user {:?} already", new.name)));
    }
    set_roles(change, new.id, new.roles).await?;
    read(change, new.id).await
}

/// All users by name, disabled ones too.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn list(db: &Database) -> Result<Vec<User>, Error> {
    let question = format!("select {COLUMNS} from user_account order by name");
    let rows = db.client().await?.query(&question, &[]).await?;
    rows.iter().map(user).collect()
}

/// One user.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn get(db: &Database, id: Uuid) -> Result<User, Error> {
    read(&db.client().await?, id).await
}

/// Whom `name` belongs to, unless they are disabled.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn credentials(db: &Database, name: &str) -> Result<Option<Credentials>, Error> {
    let question = "select id, password_hash from user_account where name = $1 and disabled_at is null";
    let row = db.client().await?.query_opt(question, &[&name]).await?;
    row.map(|row| {
        Ok(Credentials {
            id: row.try_get("id")?,
            password_hash: row.try_get("password_hash")?,
        })
    })
    .transpose()
}

/// Whether there is a user at all who may sign in and is an administrator of everything.
///
/// # Errors
/// When PostgreSQL cannot be asked.
pub async fn has_administrator(db: &Database) -> Result<bool, Error> {
    Ok(administrators(&db.client().await?).await? > 0)
}

/// One user, whom nobody else changes until the end of `change`: of the last two administrators, two changes at once could
/// take one each.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn get_for_change(change: &Change, id: Uuid) -> Result<User, Error> {
    lock(change).await?;
    read(change, id).await
}

/// Changes a user, as [`UserChange`] says.
///
/// # Errors
/// [`Error::NotFound`] when there is no such user or venue; [`Error::Conflict`] when nobody would be an administrator of
/// everything any more, or when the password is another one by now.
pub async fn update(change: &Change, id: Uuid, wanted: &UserChange<'_>) -> Result<User, Error> {
    lock(change).await?;
    if let Some(known) = wanted.known_hash {
        let question = "select from user_account where id = $1 and password_hash = $2";
        if change.query_opt(question, &[&id, &known]).await?.is_none() {
            return Err(Error::Conflict("the password was changed a moment ago".to_owned()));
        }
    }
    let before = administrators(change).await?;
    let changed = change
        .execute(
            "update user_account set
                 display_name = coalesce($2, display_name),
                 password_hash = coalesce($3, password_hash),
                 disabled_at = case when $4 then coalesce(disabled_at, now()) when not $4 then null else disabled_at end
             where id = $1",
            &[&id, &wanted.display_name, &wanted.password_hash, &wanted.disabled],
        )
        .await?;
    if changed == 0 {
        return Err(unknown(id));
    }
    if let Some(roles) = wanted.roles {
        set_roles(change, id, roles).await?;
    }
    if before > 0 && administrators(change).await? == 0 {
        let last = "this is the last administrator of everything; make another one first";
        return Err(Error::Conflict(last.to_owned()));
    }
    if wanted.password_hash.is_some() || wanted.disabled == Some(true) {
        let kept = wanted.kept_session.map(<[u8; 32]>::as_slice);
        let end = "delete from session where user_id = $1 and secret_hash is distinct from $2";
        change.execute(end, &[&id, &kept]).await?;
    }
    read(change, id).await
}

async fn lock(change: &Change) -> Result<(), Error> {
    let lock = "lock table user_account in share row exclusive mode";
    Ok(change.batch_execute(lock).await?)
}

async fn administrators(client: &Client) -> Result<i64, Error> {
    let question = "select count(*) from user_account join user_role on user_id = id
                    where disabled_at is null and venue is null and role = 'admin'";
    Ok(client.query_one(question, &[]).await?.try_get(0)?)
}

/// Touches only what differs, so that the audit log tells what changed.
async fn set_roles(change: &Change, id: Uuid, roles: &[StoredRole]) -> Result<(), Error> {
    let (venues, names) = columns(change, roles).await?;
    change
        .execute(
            "delete from user_role where user_id = $1 and not exists
                 (select from unnest($2::text[]) as wanted (venue) where wanted.venue is not distinct from user_role.venue)",
            &[&id, &venues],
        )
        .await?;
    change
        .execute(
            "insert into user_role as had (user_id, venue, role) select $1, * from unnest($2::text[], $3::text[])
             on conflict (user_id, venue) do update set role = excluded.role where had.role <> excluded.role",
            &[&id, &venues, &names],
        )
        .await?;
    Ok(())
}

/// Roles as two columns, venues and names; refuses a venue that does not exist.
pub(crate) async fn columns<'r>(
    client: &Client,
    roles: &'r [StoredRole],
) -> Result<(Vec<Option<&'r str>>, Vec<&'r str>), Error> {
    let venues: Vec<Option<&str>> = roles.iter().map(|role| role.venue.as_ref().map(Slug::as_str)).collect();
    let unknown = client
        .query_opt(
            "select venue from unnest($1::text[]) as wanted (venue)
             where venue is not null and not exists (select from venue where slug = wanted.venue) limit 1",
            &[&venues],
        )
        .await?;
    if let Some(row) = unknown {
        return Err(Error::NotFound(format!(
            "there is no venue {}",
            row.try_get::<_, &str>(0)?
        )));
    }
    let names = roles.iter().map(|role| role.role.as_str());
    Ok((venues, names.collect()))
}

async fn read(client: &Client, id: Uuid) -> Result<User, Error> {
    let question = format!("select {COLUMNS} from user_account where id = $1");
    let row = client.query_opt(&question, &[&id]).await?;
    user(&row.ok_or_else(|| unknown(id))?)
}

fn unknown(id: Uuid) -> Error {
    Error::NotFound(format!("there is no user {id}"))
}

pub(crate) fn user(row: &Row) -> Result<User, Error> {
    Ok(User {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        display_name: row.try_get("display_name")?,
        roles: roles(row)?,
        created_at: row.try_get("created_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
        disabled_at: row.try_get("disabled_at")?,
    })
}

/// The columns `venues` and `roles`, which are lists of the same length.
pub(crate) fn roles(row: &Row) -> Result<Vec<StoredRole>, Error> {
    let venues: Vec<Option<&str>> = row.try_get("venues")?;
    let roles: Vec<String> = row.try_get("roles")?;
    let stored = |(venue, role): (Option<&str>, String)| {
        let venue = venue.map(|slug| column::parsed_text(slug, "venue")).transpose()?;
        Ok(StoredRole { venue, role })
    };
    venues.into_iter().zip(roles).map(stored).collect()
}
