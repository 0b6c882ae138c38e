//! What the tests and benches share: rigs that drive the production code, and measures that judge what comes out.
//!
//! [`rig`] renders a score offline through the production engine, [`measure`] looks for onsets and clicks, [`world`]
//! plays a session of ten players over modelled networks, [`sim`] judges whether they hear the same, [`process`] runs
//! the real programs, [`stage`] gives them a screen and a sound card, [`relay`] a bad network, [`concert`] lets several
//! players sound in one room, [`clicks`] tells them apart, [`bots`] are players in this process, [`swarm`] loads a
//! host with thousands, [`table`] puts the rules in one's hand, [`report`] writes what a bench found, [`fuzz`] holds for
//! any bytes, [`conformance`] is what every authority promises, [`cloud`] runs the Worker, [`crowd`] fills a session of it,
//! [`trial`] makes it hard for it, [`visits`] are paid to the page, whoever serves it, [`steady`] listens for gaps in its
//! sound, [`packed`] looks at its files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

pub mod bots;
pub mod browser;
pub mod clicks;
pub mod cloud;
pub mod concert;
pub mod conformance;
pub mod crowd;
pub mod fuzz;
pub mod measure;
pub mod packed;
pub mod page_singer;
pub mod process;
pub mod relay;
pub mod report;
pub mod rig;
pub mod sim;
pub mod singer;
pub mod soundfiles;
pub mod stage;
pub mod steady;
pub mod swarm;
pub mod tab;
pub mod table;
pub mod trial;
pub mod undrawn;
pub mod visits;
pub mod worklet;
pub mod world;
