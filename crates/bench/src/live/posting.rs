//! The sending side: one request for each batch, at a fixed rate, from one thread.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::feed::{Feed, System};
use super::{Load, Reach, joined, mqtt};
use crate::clock::wall_millis;
use crate::ledger::Ledger;
use crate::load::{Lane, Pace, Posts, Recipe, Schedule, Template, keep_pace, send};
use crate::plan::Plan;
use crate::target::Target;

/// Bodies that each connection sends in turn, of different nodes, cameras and boxes.
const VARIANTS: usize = 4;
const CAMERAS: u32 = 4;

/// Who sends, and what.
pub(super) struct Posting {
    feed: Feed,
    lanes: Vec<Lane>,
}

impl Posting {
    pub(super) fn new(reach: &Reach, feed: &Feed, load: &Load) -> Result<Self> {
        let path = match reach.system {
            System::Nchan => "/publish",
            System::Citytrack | System::Django | System::Mqtt => "/api/v1/detections",
        };
        let target = Arc::new(Target {
            path: path.to_owned(),
            ..Target::parse(&reach.base_url)?
        });
        let (fleet, scene) = (reach.fleet()?, load.scene()?);
        let lane = |connection: usize| {
            let template = |variant: usize| {
                let place = connection * VARIANTS + variant;
                let node = &fleet.nodes[connection % fleet.nodes.len()];
                let recipe = Recipe {
                    target: &target,
                    dialect: reach.system.dialect(),
                    layout: load.batch,
                    node: &node.slug,
                    key: &node.key,
                    cameras: CAMERAS,
                    frame_millis: 40,
                    ledger: false,
                    scene: &scene,
                    variant: u32::try_from(place)?,
                };
                template_for(feed, &recipe)
            };
            Ok(Lane {
                target: target.clone(),
                templates: (0..VARIANTS).map(template).collect::<Result<_>>()?,
            })
        };
        let lanes = (0..load.connections as usize).map(lane).collect::<Result<_>>()?;
        Ok(Self {
            feed: feed.clone(),
            lanes,
        })
    }

    /// Sends the whole load.
    pub(super) fn send(self, plan: Plan, ledger: &Arc<Ledger>, schedule: Schedule) -> Result<Posts> {
        let pace = Arc::new(Pace::new(schedule, None));
        let connections = u32::try_from(self.lanes.len())?;
        std::thread::scope(|scope| {
            let pacer = scope.spawn(|| keep_pace(&pace, connections));
            let posts = Builder::new_current_thread().enable_all().build()?.block_on(async {
                let mut tasks = JoinSet::new();
                for lane in self.lanes {
                    let (ledger, pace) = (ledger.clone(), pace.clone());
                    if self.feed.system == System::Mqtt {
                        tasks.spawn(publish(lane, self.feed.account().clone(), plan, ledger, pace));
                    } else {
                        tasks.spawn(send(lane, plan, ledger, pace));
                    }
                }
                let mut all = Posts::new()?;
                while let Some(posts) = tasks.join_next().await {
                    all.add(posts??)?;
                }
                anyhow::Ok(all)
            });
            joined(pacer)?;
            posts
        })
    }
}

/// CityTrack and Django get batches by their own APIs; the others the text that CityTrack would send to browsers.
fn template_for(feed: &Feed, recipe: &Recipe<'_>) -> Result<Template> {
    match feed.system {
        System::Citytrack | System::Django => Template::new(recipe),
        System::Nchan => Template::of_message(recipe, feed.venue(), |text| {
            let Target { host, path, .. } = recipe.target;
            let length = text.len();
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            );
            Ok([head.as_bytes(), text.as_bytes()].concat())
        }),
        System::Mqtt => Template::of_message(recipe, feed.venue(), |text| mqtt::publish(mqtt::TOPIC, text.as_bytes())),
    }
}

/// Publishes until the run is over. The broker does not answer at quality 0: what is written counts as accepted.
async fn publish(
    lane: Lane,
    account: mqtt::Account,
    plan: Plan,
    ledger: Arc<Ledger>,
    pace: Arc<Pace>,
) -> Result<Posts> {
    let mut stream: TcpStream = lane.target.connect().await?;
    stream.write_all(&mqtt::connect(&account)?).await?;
    let (mut posts, mut templates, mut count) = (Posts::new()?, lane.templates, 0);
    sleep_until(pace.schedule().begin.into()).await;
    while let Some(turn) = pace.turn(&ledger).await {
        let measured = pace.schedule().measures(turn.from);
        ledger.sent(turn.request, turn.from, measured);
        let id = plan.ids.id(turn.request, wall_millis());
        let next = count % templates.len();
        count += 1;
        let started = Instant::now();
        stream
            .write_all(templates[next].stamp(id, plan.frame(turn.request), wall_millis()))
            .await?;
        ledger.ended(turn.request, true);
        if measured {
            posts.lateness.record(started.saturating_duration_since(turn.from));
            posts.latency.record(turn.from.elapsed());
        }
    }
    Ok(posts)
}
