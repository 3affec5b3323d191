//! A database for each test.

use std::time::Duration;

use citytrack_storage::{Database, DatabaseOptions};

use crate::{block_on, server, unique_name};

/// A fresh database with the current schema; dropped with this value.
pub struct TestDatabase {
    name: String,
    url: String,
    /// The pool of the test itself.
    pub database: Database,
}

impl TestDatabase {
    /// Makes the database and brings its schema up to date.
    pub async fn create() -> Self {
        let test = Self::create_empty().await;
        test.database.migrate().await.unwrap();
        test
    }

    /// Makes the database without any schema.
    pub async fn create_empty() -> Self {
        let server = server("CITYTRACK_TEST_DATABASE_URL");
        let name = unique_name();
        let client = connect(&server).client().await.unwrap();
        client.batch_execute(&format!("create database {name}")).await.unwrap();
        let (base, _maintenance_database) = server.rsplit_once('/').expect("the database URL ends with /database");
        let url = format!("{base}/{name}");
        Self {
            database: connect(&url),
            name,
            url,
        }
    }

    /// For the settings of a service.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop = format!("drop database if exists {} with (force)", self.name);
        let server = server("CITYTRACK_TEST_DATABASE_URL");
        block_on(async move {
            if let Ok(client) = connect(&server).client().await {
                let _ = client.batch_execute(&drop).await;
            }
        });
    }
}

fn connect(url: &str) -> Database {
    Database::connect(&DatabaseOptions {
        url: url.to_owned(),
        pool_size: 4,
        wait: Duration::from_secs(10),
        statement_timeout: Duration::from_secs(30),
        read_only: false,
        application_name: "citytrack-test",
    })
    .unwrap()
}
