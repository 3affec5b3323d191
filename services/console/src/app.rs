//! Puts the console together.

use std::net::SocketAddr;

use actix_web::web;
use citytrack_access::{AdministratorToken, UploadTokens, ViewerTokens};
use citytrack_common::{Lifecycle, TaskError, admin, http, openapi::Document, settings::DatabaseSettings};
use citytrack_domain::Clock;
use citytrack_storage::{Database, DatabaseOptions, Objects};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;

use crate::{
    auth::passwords::PasswordDesk,
    body::BodyTimeout,
    database,
    imports::Patience,
    openapi,
    routes::{self, imports::ImportDesk, session::Desk, viewer_tokens::LongestTtl},
    settings::{SessionRules, Settings},
    sweep,
    system::System,
};

/// The running console.
#[derive(Clone, Copy, Debug)]
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
}

impl App {
    /// Opens the listeners and starts the tasks. PostgreSQL may come later.
    ///
    /// # Errors
    /// When a listener cannot be opened or the address of the database cannot be read.
    pub fn start(settings: &Settings, clock: Clock, lifecycle: &Lifecycle) -> Result<Self, TaskError> {
        let registry = admin::registry()?;
        let database = Database::connect(&database_options(&settings.database, "citytrack console"))?;
        let spawner = lifecycle.spawner();
        let check = lifecycle.readiness().check("database");
        spawner.spawn("database", database::keep(database.clone(), check, spawner.stop()));
        let idle = settings.sessions.idle.into();
        spawner.spawn(
            "sweep",
            sweep::keep(database.clone(), clock.clone(), idle, spawner.stop()),
        );

        let database = web::Data::new(database);
        let objects = web::Data::new(Objects::open(&settings.pictures.store, settings.pictures.options())?);
        let clock = web::Data::new(clock);
        let administrator = web::Data::new(AdministratorToken::new(&settings.administrator_token));
        let viewers = web::Data::new(ViewerTokens::new(&settings.viewer.secret));
        let uploads = web::Data::new(UploadTokens::new(&settings.viewer.secret));
        let proxies = web::Data::new(settings.proxies.trusted.clone());
        let rules = SessionRules::from(settings);
        let passwords = PasswordDesk::new();
        let desk = web::Data::new(Desk {
            database: Database::clone(&database),
            passwords: passwords.clone(),
            viewers: ViewerTokens::clone(&viewers),
            clock: Clock::clone(&clock),
            rules,
        });
        let (rules, passwords) = (web::Data::new(rules), web::Data::new(passwords));
        let system = web::Data::new(System::new(settings.system_targets.clone())?);
        let imports = web::Data::new(ImportDesk {
            database: Database::clone(&database),
            clock: Clock::clone(&clock),
            largest_body: settings.imports.largest_body,
            most_problems: settings.imports.most_problems,
            places: Semaphore::new(settings.imports.max_concurrent.into()),
            patience: Patience {
                silence: settings.imports.max_silence.into(),
                in_all: settings.imports.max_time.into(),
            },
        });
        let longest_ttl = web::Data::new(LongestTtl(settings.viewer.max_ttl.into()));
        let body_timeout = web::Data::new(BodyTimeout(settings.body_timeout.into()));
        let document = Document::new(openapi::SERVICE, &openapi::openapi())?;
        let address = http::start(&settings.http, &registry, lifecycle, move |config| {
            config
                .app_data(database.clone())
                .app_data(objects.clone())
                .app_data(clock.clone())
                .app_data(administrator.clone())
                .app_data(viewers.clone())
                .app_data(uploads.clone())
                .app_data(proxies.clone())
                .app_data(rules.clone())
                .app_data(passwords.clone())
                .app_data(desk.clone())
                .app_data(imports.clone())
                .app_data(system.clone())
                .app_data(longest_ttl.clone())
                .app_data(body_timeout.clone());
            routes::all(config, &document);
        })?;
        admin::start(&settings.admin, registry, lifecycle)?;
        Ok(Self { address })
    }
}

/// How to reach the database under the name of a program.
pub(crate) fn database_options(settings: &DatabaseSettings, application_name: &'static str) -> DatabaseOptions {
    DatabaseOptions {
        url: settings.url.expose_secret().to_owned(),
        pool_size: settings.pool_size.get(),
        wait: settings.wait.into(),
        statement_timeout: settings.statement_timeout.into(),
        read_only: false,
        application_name,
    }
}
