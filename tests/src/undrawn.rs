//! A page with its drawing switched off: the seat and the sound of the real page in a real browser, and nothing in front
//! of them. What the game says to them in a page, the test says here.

use crate::browser::{Browser, Page};
use keyboardia_player::{
    Heard, PlayerView,
    port::{Album, FromWindow},
};
use keyboardia_session::Profile;
use serde_json::json;
use std::{path::Path, sync::Arc};

/// What the page does instead of starting the game. It keeps the pictures until they are asked for.
const OPEN: &str = r"(async () => {
    const { files, sounds } = await (await fetch('/assets.json')).json();
    const url = (name) => new URL(files[name].url, location.origin + '/').href;
    const engineModule = await WebAssembly.compileStreaming(fetch(url('engine.wasm')));
    const { open } = await import(url('sound.js'));
    globalThis.failures = [];
    globalThis.jam = await open({
        engineModule,
        seatUrl: url('seat.js'),
        workletUrl: url('worklet.js'),
        soundsUrl: new URL(sounds, location.origin + '/').href,
        onFailure: (text) => globalThis.failures.push(text),
    });
})()";

/// See the module.
pub struct Undrawn<'a> {
    page: Page<'a>,
    code: String,
    album: Album,
    view: Option<Arc<PlayerView>>,
    /// The clips that began to sound.
    pub heard: Vec<Heard>,
}

impl<'a> Undrawn<'a> {
    /// Opens a page of this host (`address:port`) in a browser that makes sound unasked, with the sounds in this folder
    /// or the host's, and joins a session.
    pub fn join(browser: &'a Browser, name: &'a str, host: &str, code: &str, sounds: Option<&Path>) -> Self {
        let page =
            browser.open(name, &format!("http://{host}/"), json!({ "sounds": sounds, "width": 320, "height": 200 }));
        let undrawn = Self { page, code: code.into(), album: Album::default(), view: None, heard: Vec::new() };
        undrawn.set_out();
        undrawn
    }

    /// Opens the sound and the seat, and joins the session: the seat that this tab had, if it had one.
    fn set_out(&self) {
        self.page.evaluate(OPEN);
        let token = self.page.evaluate(&format!("jam.tokenOf({:?})", self.code));
        let token = token.as_str().filter(|token| !token.is_empty()).map(str::to_owned);
        self.say(&FromWindow::Join { code: Some(self.code.clone()), profile: Profile::default(), token });
        self.say(&FromWindow::Next);
    }

    /// Loads the page anew, and comes back.
    pub fn reload(&mut self) {
        self.page.reload();
        (self.album, self.view) = (Album::default(), None);
        self.set_out();
    }

    /// Says something to the seat.
    pub fn say(&self, said: &FromWindow) {
        self.page.evaluate(&format!("jam.post(new Uint8Array({:?}))", said.encode()));
    }

    /// The latest picture.
    ///
    /// # Panics
    /// When the seat or the sound has failed.
    pub fn view(&mut self) -> Option<Arc<PlayerView>> {
        let failures = self.page.evaluate("globalThis.failures");
        assert_eq!(failures, json!([]), "{}", self.page.heard());
        let taken = self.page.evaluate("(() => { const one = jam.take(); return one ? Array.from(one) : null })()");
        if let Some(bytes) = taken.as_array() {
            let bytes: Vec<u8> = bytes.iter().filter_map(|byte| byte.as_u64().map(|byte| byte as u8)).collect();
            let (view, _, heard) = self.album.take(&bytes).expect("a picture");
            self.view = Some(view);
            self.heard.extend(heard);
            self.say(&FromWindow::Next);
        }
        self.view.clone()
    }

    /// Whether nobody sees the page.
    pub fn is_hidden(&self) -> bool {
        self.page.evaluate("document.visibilityState") == "hidden"
    }

    /// Lets the page's thread do nothing for 300 ms again and again.
    pub fn stall(&self) {
        self.page.evaluate(
            "setInterval(() => { const end = performance.now() + 300; while (performance.now() < end); }, 10)",
        );
    }
}
