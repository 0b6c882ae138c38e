//! Keyboardia on Cloudflare: a Worker at the door, and a Durable Object for each session.
//!
//! ```text
//! browser ─→ static assets                       the page
//!         ─→ Worker (front) ─→ object (object)   sessions, seats, WebSockets: the Authority of `keyboardia-session`
//!                           └→ R2 (samples)      players' own sounds; the object says whose, and how many
//! ```
//!
//! The object is addressed by the session's code. It keeps what happens in its own database (`shelf`), sleeps whenever
//! nothing happens, its sockets open, and is there again when somebody speaks (`life`). Where a host has dialled in, that has
//! the session, and the object relays (`hosted`). No rule of the game is written here.

// There is nothing of it elsewhere, so that nobody else has to build the Workers runtime's bindings.
#![cfg(target_arch = "wasm32")]
// What the macros of the Workers runtime expand to.
#![allow(unsafe_code, missing_docs)]
#![allow(clippy::used_underscore_items, clippy::used_underscore_binding, clippy::needless_pass_by_value)]

mod answer;
mod asks;
mod attachment;
mod front;
mod hosted;
mod life;
mod limits;
mod object;
mod quota;
mod samples;
mod shelf;

pub use object::SessionObject;

use worker::{Context, Env, Request, Response, Result, console_error, event, js_sys, wasm_bindgen::JsCast};

/// What worker.js gives to be told that the program cannot be trusted any more.
const HAS_FAILED: &str = "keyboardiaHasFailed";

/// Runs before everything else.
#[event(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        console_error!("{panic}");
        let global = js_sys::global();
        let told = js_sys::Reflect::get(&global, &HAS_FAILED.into())
            .and_then(JsCast::dyn_into::<js_sys::Function>)
            .and_then(|failed| failed.call0(&global));
        if told.is_err() {
            console_error!("nobody starts the program anew");
        }
    }));
}

/// Answers a request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    front::answer(request, &env).await
}
