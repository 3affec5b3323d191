//! A small HTTP server that takes batches as CityTrack does, or fails as it is told.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use citytrack_node::wire::Frame;
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// What to answer.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Accept,
    /// Takes the batch, but the connection ends in the middle of the answer.
    AcceptInSilence,
    Problem(u16, &'static str),
    /// A status with a Retry-After.
    Later(u16, &'static str),
    /// 413 for batches of more frames.
    AtMost(usize),
    /// 202, and nothing more for so many seconds.
    UsedUp(u32),
    /// What depends on the batch: 202, or another status.
    By(fn(&ReceivedBatch) -> u16),
    /// Something that is not CityTrack.
    Hello,
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) batch: ReceivedBatch,
    /// As it was, after decompression.
    pub(crate) body: Bytes,
    pub(crate) headers: HeaderMap,
    /// Where the connection came from: the same as before, if it is the same connection.
    pub(crate) peer: SocketAddr,
}

#[derive(Clone, Deserialize)]
pub(crate) struct ReceivedBatch {
    pub(crate) batch_id: Uuid,
    pub(crate) stream: Option<Uuid>,
    pub(crate) seq: Option<u64>,
    pub(crate) frames: Vec<Frame>,
}

impl ReceivedBatch {
    pub(crate) fn holds(&self, frame: u64) -> bool {
        self.frames.iter().any(|one| one.frame == Some(frame))
    }

    pub(crate) fn position(&self) -> (Option<Uuid>, Option<u64>) {
        (self.stream, self.seq)
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    script: Mutex<VecDeque<Answer>>,
    received: Mutex<Vec<Received>>,
}

impl Server {
    /// Gives these answers in turn, the last one again and again.
    pub(crate) fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    pub(crate) fn start_on(listener: TcpListener, script: impl IntoIterator<Item = Answer>) -> Self {
        let address = listener.local_addr().unwrap();
        let script = Mutex::new(script.into_iter().collect());
        let state = Arc::new(State {
            script,
            received: Mutex::default(),
        });
        let data = web::Data::from(Arc::clone(&state));
        let app = move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::default().limit(16 << 20))
                .route("/api/v1/detections", web::post().to(detections))
        };
        let run = move || {
            HttpServer::new(app)
                .workers(1)
                .disable_signals()
                .listen(listener)
                .unwrap()
                .run()
        };
        std::thread::spawn(|| actix_web::rt::System::new().block_on(async { run().await }));
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// The ids of what came so far.
    pub(crate) fn ids(&self) -> Vec<Uuid> {
        self.received().iter().map(|received| received.batch.batch_id).collect()
    }

    /// All frames that came, in their order.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.received()
            .into_iter()
            .flat_map(|received| received.batch.frames)
            .collect()
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn is_gzip(&self) -> bool {
        self.header(CONTENT_ENCODING.as_str()) == Some("gzip")
    }
}

async fn detections(request: HttpRequest, body: Bytes, state: web::Data<State>) -> HttpResponse {
    let batch: ReceivedBatch = serde_json::from_slice(&body).unwrap();
    let answer = {
        let mut script = state.script.lock().unwrap();
        if script.len() > 1 {
            script.pop_front().unwrap()
        } else {
            script.front().copied().unwrap_or(Answer::Accept)
        }
    };
    let response = respond(answer, &batch);
    let (headers, peer) = (request.headers().clone(), request.peer_addr().unwrap());
    state.received.lock().unwrap().push(Received {
        at: Instant::now(),
        batch,
        body,
        headers,
        peer,
    });
    response
}

fn respond(answer: Answer, batch: &ReceivedBatch) -> HttpResponse {
    let detections: usize = batch.frames.iter().map(|frame| frame.detections.len()).sum();
    let accepted = json!({"batch_id": batch.batch_id, "frames": batch.frames.len(), "detections": detections});
    let status = |code| HttpResponse::build(StatusCode::from_u16(code).unwrap());
    let problem = |code, body| status(code).content_type("application/problem+json").body(body);
    match answer {
        Answer::By(status) if status(batch) != 202 => problem(status(batch), "{}"),
        Answer::AtMost(frames) if batch.frames.len() > frames => problem(413, r#"{"type":"/problems/too-large"}"#),
        Answer::Accept | Answer::AtMost(_) | Answer::By(_) => HttpResponse::Accepted().json(accepted),
        Answer::UsedUp(seconds) => HttpResponse::Accepted()
            .insert_header(("RateLimit", format!("\"live\";r=0;t={seconds}, \"live-bytes\";r=9;t=1")))
            .json(accepted),
        Answer::AcceptInSilence => {
            let cut = std::io::Error::other("cut");
            HttpResponse::Accepted().streaming(stream::iter([Ok(Bytes::from_static(b"{\"batch_id\"")), Err(cut)]))
        }
        Answer::Problem(code, body) => problem(code, body),
        Answer::Later(code, retry_after) => status(code).insert_header(("Retry-After", retry_after)).finish(),
        Answer::Hello => HttpResponse::Ok().body("<h1>Welcome to the guest network</h1>"),
    }
}
