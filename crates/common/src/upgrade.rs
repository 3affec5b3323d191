//! A main listener that hands over the connection of a request for an upgrade, such as a WebSocket's: without the buffers
//! that an HTTP connection needs.

use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener},
    rc::Rc,
};

use actix_codec::Framed;
use actix_http::{HttpService, KeepAlive, Request, h1::Codec};
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{dev::AppConfig, web};
use prometheus::Registry;
use tokio::net::TcpStream;

use crate::{
    http::{self, HttpMetrics},
    lifecycle::{Lifecycle, TaskError},
    settings::HttpSettings,
};

/// The main listener, open but not served yet.
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Opens it.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn open(settings: &HttpSettings) -> Result<Self, TaskError> {
        let listener = http::bind(settings)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address that is really listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `routes` as [`http::start`] does, and gives every request for an upgrade with its connection to `upgrade`,
    /// which must answer it; the connection counts as open until that is done with it. Other connections end after each
    /// answer: on a listener of this kind there are few.
    ///
    /// # Errors
    /// When the metrics cannot be registered or the workers cannot be started.
    pub fn start<F, U, Done>(
        self,
        settings: &HttpSettings,
        registry: &Registry,
        lifecycle: &Lifecycle,
        routes: F,
        upgrade: U,
    ) -> Result<(), TaskError>
    where
        F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
        U: Fn(Request, Framed<TcpStream, Codec>) -> Done + Clone + Send + 'static,
        Done: Future<Output = ()> + 'static,
    {
        let metrics = HttpMetrics::new(registry)?;
        let readiness = lifecycle.readiness();
        let head_timeout = settings.head_timeout.into();
        let server = Server::build()
            .workers(settings.workers.get())
            .max_concurrent_connections(settings.max_connections.get())
            .disable_signals()
            .shutdown_timeout(3600) // the lifecycle's own deadline is the one that counts
            .listen("http", self.listener, move || {
                let app = http::app(&metrics, &readiness, routes.clone()).into_factory();
                let app = app.map_err(|error| error.error_response());
                let upgrade = Rc::new(upgrade.clone());
                HttpService::build()
                    .keep_alive(KeepAlive::Disabled)
                    .client_request_timeout(head_timeout)
                    .upgrade(fn_service(move |(request, connection)| {
                        // In memory of its own: the futures around it would take room for it four times.
                        let done = Box::pin(upgrade(request, connection));
                        async move {
                            done.await;
                            Ok::<_, Infallible>(())
                        }
                    }))
                    .finish(map_config(app, |()| AppConfig::default()))
                    .tcp()
            })?
            .run();
        http::spawn(&lifecycle.spawner(), "http listener", server);
        Ok(())
    }
}
