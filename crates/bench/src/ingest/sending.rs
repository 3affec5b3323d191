//! Those who send: threads with connections.

use std::sync::Arc;

use anyhow::Result;
use tokio::task::JoinSet;

use super::{Run, joined, runtime};
use crate::load::{Lane, Pace, Posts, Recipe, Schedule, Template, keep_pace, send};
use crate::scene::Scene;
use crate::target::Target;

/// Different bodies that each connection sends in turn, at least.
const VARIANTS: usize = 8;

impl Run<'_> {
    /// The connections, each with its bodies, by the thread that will drive them.
    pub(super) fn lanes(&self) -> Result<Vec<Vec<Lane>>> {
        let targets = self.args.base_url.iter().map(|url| {
            let target = Target::parse(url)?;
            let path = "/api/v1/detections".to_owned();
            Ok(Arc::new(Target { path, ..target }))
        });
        let targets = targets.collect::<Result<Vec<_>>>()?;
        let scene = self
            .args
            .recording
            .as_deref()
            .map_or_else(|| Ok(Scene::walk()), Scene::recording)?;
        let mut threads: Vec<Vec<Lane>> = (0..self.args.threads).map(|_| Vec::new()).collect();
        let nodes = &self.fleet.nodes;
        let connections = self.args.connections as usize;
        for connection in 0..connections {
            let target = &targets[connection % targets.len()];
            // All nodes send, also when there are more of them than connections.
            let variants = nodes.len().div_ceil(connections).max(VARIANTS);
            let template = |variant: usize| {
                let node = &nodes[(connection + variant * connections) % nodes.len()];
                Template::new(&Recipe {
                    target,
                    dialect: self.args.dialect,
                    layout: self.args.batch,
                    node: &node.slug,
                    key: &node.key,
                    cameras: self.args.cameras,
                    frame_millis: self.args.frame_millis(),
                    ledger: self.args.ledger,
                    scene: &scene,
                    variant: u32::try_from(connection + variant)?,
                })
            };
            let templates = (0..variants).map(template).collect::<Result<Vec<_>>>()?;
            let lane = Lane {
                target: target.clone(),
                templates,
            };
            threads[connection % self.args.threads as usize].push(lane);
        }
        Ok(threads)
    }

    /// Sends the whole load.
    pub(super) fn load(&self, lanes: Vec<Vec<Lane>>, schedule: Schedule) -> Result<Posts> {
        let pace = Arc::new(Pace::new(schedule, self.room.clone()));
        std::thread::scope(|scope| {
            let pacer = scope.spawn(|| keep_pace(&pace, self.args.connections));
            let sender = |lanes: Vec<Lane>| {
                let (plan, ledger, pace) = (self.plan, self.ledger.clone(), pace.clone());
                move || {
                    runtime()?.block_on(async {
                        let tasks = lanes
                            .into_iter()
                            .map(|lane| send(lane, plan, ledger.clone(), pace.clone()));
                        let mut tasks: JoinSet<_> = tasks.collect();
                        let mut all = Posts::new()?;
                        while let Some(posts) = tasks.join_next().await {
                            all.add(posts??)?;
                        }
                        anyhow::Ok(all)
                    })
                }
            };
            let senders: Vec<_> = lanes.into_iter().map(|lanes| scope.spawn(sender(lanes))).collect();
            let mut all = Posts::new()?;
            for sender in senders {
                all.add(joined(sender)?)?;
            }
            joined(pacer)?;
            Ok(all)
        })
    }
}
