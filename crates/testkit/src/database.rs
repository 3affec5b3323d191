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
        let client = database(&server).client().await.unwrap();
        client.batch_execute(&format!("create database {name}")).await.unwrap();
        let (base, _maintenance_database) = server.rsplit_once('/').expect("the database URL ends with /database");
        let url = format!("{base}/{name}");
        Self {
            database: database(&url),
            name,
            url,
        }
    }

    /// Makes the database as far away as it can be: whoever is connected is thrown out, and nobody may connect.
    pub async fn shut(&self) {
        let client = database(&server("CITYTRACK_TEST_DATABASE_URL")).client().await.unwrap();
        client
            .batch_execute(&format!("alter database {} allow_connections false", self.name))
            .await
            .unwrap();
        let everybody = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1";
        client.query_one(everybody, &[&self.name]).await.unwrap();
    }

    /// Ends what [`Self::shut`] began.
    pub async fn reopen(&self) {
        let client = database(&server("CITYTRACK_TEST_DATABASE_URL")).client().await.unwrap();
        client
            .batch_execute(&format!("alter database {} allow_connections true", self.name))
            .await
            .unwrap();
    }

    /// For the settings of a service that only reads: with the rights of the read-only role, which is made where it is
    /// missing, as all databases of a server have it in common. The owner takes its place, so that no password is needed.
    pub async fn reader_url(&self) -> String {
        let client = database(&server("CITYTRACK_TEST_DATABASE_URL")).client().await.unwrap();
        let make = "do $$ begin
                        perform pg_advisory_xact_lock(2211);
                        if to_regrole('citytrack_reader') is null then
                            create role citytrack_reader;
                        end if;
                    end $$";
        client.batch_execute(make).await.unwrap();
        // This grants it what it may read.
        self.database.migrate().await.unwrap();
        format!("{}?options=-c%20role%3Dcitytrack_reader", self.url)
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
            if let Ok(client) = database(&server).client().await {
                let _ = client.batch_execute(&drop).await;
            }
        });
    }
}

/// A pool for a test's own questions.
pub fn database(url: &str) -> Database {
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
