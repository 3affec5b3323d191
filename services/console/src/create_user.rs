//! `console create-user`: for the first administrator, whom nobody can create in the console.

use citytrack_access::{Grant, Password, Role, Roles};
use citytrack_common::{TaskError, settings::DatabaseSettings};
use citytrack_domain::{Clock, Slug, new_id};
use citytrack_storage::{
    Database,
    audit::Actor,
    users::{self, NewUser},
};
use clap::{Args, Parser, ValueEnum};

use crate::{app::database_options, body::display_name, routes, settings::PasswordSettings};

/// What the program does beside serving.
#[derive(Parser)]
#[command(name = "console", version)]
pub enum Tool {
    /// Creates a user of the console, for example the first administrator
    ///
    /// Without --password-stdin a password is made up and printed, once. The user changes it in the console.
    CreateUser(CreateUser),
}

/// A user to be created.
#[derive(Args)]
pub struct CreateUser {
    /// What the user types to sign in: a to z, digits and . _ - @; upper case counts as lower case
    #[arg(value_parser = |text: &str| routes::users::user_name(text))]
    name: String,
    /// The name for people; else the same
    #[arg(long, value_parser = display_name)]
    display_name: Option<String>,
    /// What the user is
    #[arg(long, value_enum)]
    role: RoleName,
    /// In which venue, by its slug; several times for several. Without: in all of them
    #[arg(long)]
    venue: Vec<Slug>,
    /// Read the password from the standard input, to the end of the first line
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    passwords: PasswordSettings,
    #[command(flatten)]
    database: DatabaseSettings,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    /// Sees the venue, its statistics, and it live
    Viewer,
    /// Also looks after nodes, keys and cameras
    Operator,
    /// Also changes the venue, its nodes, and who is what in it
    Admin,
}

impl CreateUser {
    /// Creates the user and says so.
    ///
    /// # Errors
    /// When it cannot be created; the error is for people.
    pub async fn act(self) -> Result<(), TaskError> {
        let password = self.password()?;
        let hash = password.hash().ok_or("the machine has no random numbers")?;
        let database = Database::connect(&database_options(&self.database, "citytrack console create-user"))?;
        // Perhaps nothing has run here yet.
        database.migrate().await?;
        let new = NewUser {
            id: new_id(Clock::System.now()),
            name: &self.name,
            display_name: self.display_name.as_deref().unwrap_or(&self.name),
            password_hash: &hash,
            roles: &routes::roles::stored(&self.roles()),
        };
        let change = database.change(&Actor::command("console create-user")).await?;
        users::create(&change, &new).await?;
        change.commit().await?;
        self.report(&password);
        Ok(())
    }

    fn password(&self) -> Result<Password, TaskError> {
        if !self.password_stdin {
            return Ok(Password::generate());
        }
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        let text = line.trim_end_matches(['\r', '\n']);
        let password = Password::new(text, &self.name, self.passwords.min_length.into());
        password.map_err(|weak| format!("the password {weak}").into())
    }

    fn roles(&self) -> Roles {
        let role = match self.role {
            RoleName::Viewer => Role::Viewer,
            RoleName::Operator => Role::Operator,
            RoleName::Admin => Role::Admin,
        };
        if self.venue.is_empty() {
            return Roles::everywhere(role);
        }
        let venues = self.venue.iter().cloned().map(Some);
        venues.map(|venue| Grant { venue, role }).collect()
    }

    #[expect(clippy::print_stdout, reason = "a tool talks to a person")]
    fn report(&self, password: &Password) {
        println!("created the user {}", self.name);
        if !self.password_stdin {
            println!("password: {}", password.expose());
        }
    }
}
