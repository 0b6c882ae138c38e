//! What the menus of pads, columns and rows hold.

use super::{Open, parts};
use crate::{
    deed::Deed,
    editing::plan::{after_scene, after_track},
    library::{Drawer, Shelf},
    link::Link,
    playfield::{layout::Target, pads},
};
use bevy::prelude::MessageWriter;
use bevy_egui::egui::Ui;
use keyboardia_session::{
    Beats, Cell, Clip, ClipChange, Command, Edit, Name, Quantise, SceneChange, SceneId, TrackChange, TrackId, View,
    limits::CLIP_BEATS_MAX,
};
use std::time::Duration;

/// What a menu shows, and how what is chosen goes out.
pub(super) struct Content<'a, 'w> {
    pub(super) view: &'a View,
    pub(super) link: &'a Link,
    pub(super) shelf: &'a Shelf,
    pub(super) now: Duration,
    pub(super) deeds: &'a mut MessageWriter<'w, Deed>,
    pub(super) drawer: &'a mut Drawer,
}

impl Content<'_, '_> {
    /// Shows the menu; returns whether something was chosen that closes it.
    pub(super) fn show(&mut self, ui: &mut Ui, open: &mut Open) -> bool {
        match open.target {
            Target::Pad(track, scene) => {
                let cell = Cell::new(track, scene);
                match self.view.state.clip(cell) {
                    Some(clip) => self.clip(ui, open, cell, clip),
                    None => self.slot(ui, cell, open.frames == 1),
                }
            }
            Target::Head(track) => self.column(ui, open, track),
            Target::Scene(scene) => self.row(ui, open, scene),
            _ => true,
        }
    }

    /// Takes up a name that is still being typed.
    pub(super) fn settle_name(&self, open: &mut Open) {
        let Some(name) = open.name.take().map(|name| Name::sanitised(&name)).filter(|name| !name.is_empty()) else {
            return;
        };
        let state = &self.view.state;
        let (known, edit) = match open.target {
            Target::Pad(track, scene) => {
                let cell = Cell::new(track, scene);
                let change = ClipChange::Name(name.clone());
                (state.clip(cell).map(|clip| &clip.name), Edit::ChangeClip { cell, change })
            }
            Target::Head(track) => {
                let change = TrackChange::Name(name.clone());
                (state.track(track).map(|track| &track.name), Edit::ChangeTrack { track, change })
            }
            Target::Scene(scene) => {
                let change = SceneChange::Name(name.clone());
                (state.scene(scene).map(|scene| &scene.name), Edit::ChangeScene { scene, change })
            }
            _ => return,
        };
        if known.is_some_and(|known| *known != name) {
            self.link.command(Command::Edit(edit));
        }
    }

    /// The field for the name; returns whether Enter ended it.
    fn name(&self, ui: &mut Ui, open: &mut Open, present: &Name) -> bool {
        let focus = open.frames == 1;
        let text = open.name.get_or_insert_with(|| present.to_string());
        let (left, entered) = parts::name_field(ui, text, focus, focus && open.renaming);
        if left {
            self.settle_name(open);
        }
        entered
    }

    fn edit(&self, edit: Edit) {
        self.link.command(Command::Edit(edit));
    }

    fn change(&self, cell: Cell, change: ClipChange) {
        self.edit(Edit::ChangeClip { cell, change });
    }

    /// An item that does a deed.
    fn deed(&mut self, ui: &mut Ui, text: &str, keys: &str, deed: Deed) -> bool {
        let chosen = parts::item(ui, text, keys, false);
        if chosen {
            self.deeds.write(deed);
        }
        chosen
    }

    fn clip(&mut self, ui: &mut Ui, open: &mut Open, cell: Cell, clip: &Clip) -> bool {
        let mut done = self.name(ui, open, &clip.name);
        parts::faint(ui, &origin(self.view, self.shelf, clip));
        parts::gap(ui);
        if let Some(colour) = parts::swatches(ui, Some(clip.colour), None) {
            self.change(cell, ClipChange::Colour(colour));
        }
        parts::gap(ui);
        parts::volume(ui, &mut open.gain, clip.gain, clip.colour, self.now);
        if let Some(gain) = open.gain.due(self.now) {
            self.change(cell, ClipChange::Gain(gain));
        }
        let plays = [(true, "Loop"), (false, "One-shot")];
        if let Some(looped) = parts::choice(ui, "Plays", &plays, clip.looped) {
            self.change(cell, ClipChange::Looped(looped));
        }
        if clip.sound.sample().is_some() {
            let lengths = lengths(clip.length);
            let choices: Vec<(Beats, &str)> = lengths.iter().map(|(length, text)| (*length, text.as_str())).collect();
            if let Some(length) = parts::choice(ui, "Beats", &choices, clip.length) {
                self.change(cell, ClipChange::Length(length));
            }
        }
        let boundaries: Vec<(Option<Quantise>, &str)> = std::iter::once((None, "Session"))
            .chain(Quantise::ALL.into_iter().map(|quantise| (Some(quantise), quantise.label())))
            .collect();
        if let Some(quantise) = parts::table(ui, "Launches on", &boundaries, clip.quantise) {
            self.change(cell, ClipChange::Quantise(quantise));
        }
        parts::line(ui);
        done |= self.deed(ui, "Cut", "Ctrl X", Deed::Cut);
        done |= self.deed(ui, "Copy", "Ctrl C", Deed::Copy);
        done |= self.deed(ui, "Paste", "Ctrl V", Deed::Paste);
        done |= self.deed(ui, "Duplicate", "Ctrl D", Deed::Duplicate);
        done |= self.fill(ui, "Replace from library", cell, false);
        done |= self.file(ui, "Replace from a file…", cell);
        done |= self.record(ui, "Record over it…", cell);
        done | self.deed(ui, "Clear", "Delete", Deed::Delete)
    }

    fn slot(&mut self, ui: &mut Ui, cell: Cell, focus: bool) -> bool {
        let mut done = self.fill(ui, "Fill from library", cell, focus);
        done |= self.file(ui, "Fill from a file…", cell);
        done |= self.record(ui, "Record…", cell);
        done | self.deed(ui, "Paste", "Ctrl V", Deed::Paste)
    }

    fn fill(&mut self, ui: &mut Ui, text: &str, cell: Cell, focus: bool) -> bool {
        let chosen = parts::item(ui, text, "", focus);
        if chosen {
            self.drawer.fill(cell);
        }
        chosen
    }

    /// An item that looks for a sound on this machine's disk.
    fn file(&mut self, ui: &mut Ui, text: &str, cell: Cell) -> bool {
        self.deed(ui, text, "", Deed::PickFile(Target::Pad(cell.track, cell.scene)))
    }

    /// An item that opens the recorder.
    fn record(&mut self, ui: &mut Ui, text: &str, cell: Cell) -> bool {
        self.deed(ui, text, "F9", Deed::Record(Target::Pad(cell.track, cell.scene)))
    }

    fn column(&mut self, ui: &mut Ui, open: &mut Open, track: TrackId) -> bool {
        let Some(column) = self.view.state.track(track) else { return true };
        let mut done = self.name(ui, open, &column.name);
        parts::gap(ui);
        if let Some(colour) = parts::swatches(ui, Some(column.colour), None) {
            self.edit(Edit::ChangeTrack { track, change: TrackChange::Colour(colour) });
        }
        parts::line(ui);
        let after = after_track(track, &self.view.state);
        for (text, at) in [("Add track to the left", after.saturating_sub(1)), ("Add track to the right", after)] {
            if parts::item(ui, text, "", false) {
                self.edit(Edit::AddTrack { at, column: None });
                done = true;
            }
        }
        done |= self.deed(ui, "Cut", "Ctrl X", Deed::Cut);
        done |= self.deed(ui, "Copy", "Ctrl C", Deed::Copy);
        done |= self.deed(ui, "Paste after", "Ctrl V", Deed::Paste);
        done |= self.deed(ui, "Duplicate", "Ctrl D", Deed::Duplicate);
        done | self.deed(ui, "Remove track", "Delete", Deed::Delete)
    }

    fn row(&mut self, ui: &mut Ui, open: &mut Open, scene: SceneId) -> bool {
        let Some(row) = self.view.state.scene(scene) else { return true };
        let mut done = self.name(ui, open, &row.name);
        parts::gap(ui);
        if let Some(colour) = parts::swatches(ui, row.colour, Some("click to take it away")) {
            // What it has already it loses: a row can be without a colour.
            let change = SceneChange::Colour(Some(colour).filter(|_| row.colour != Some(colour)));
            self.edit(Edit::ChangeScene { scene, change });
        }
        parts::line(ui);
        for (text, command) in
            [("Launch", Command::LaunchScene { scene }), ("Stop scene", Command::StopScene { scene })]
        {
            if parts::item(ui, text, "", false) {
                self.link.command(command);
                done = true;
            }
        }
        parts::line(ui);
        let after = after_scene(scene, &self.view.state);
        for (text, at) in [("Add scene above", after.saturating_sub(1)), ("Add scene below", after)] {
            if parts::item(ui, text, "", false) {
                self.edit(Edit::AddScene { at, row: None });
                done = true;
            }
        }
        done |= self.deed(ui, "Cut", "Ctrl X", Deed::Cut);
        done |= self.deed(ui, "Copy", "Ctrl C", Deed::Copy);
        done |= self.deed(ui, "Paste below", "Ctrl V", Deed::Paste);
        done |= self.deed(ui, "Duplicate", "Ctrl D", Deed::Duplicate);
        done | self.deed(ui, "Remove scene", "Delete", Deed::Delete)
    }
}

/// What a player's own sound may last instead of `length`: half of it and twice as much, as far as a clip can be so long.
fn lengths(length: Beats) -> Vec<(Beats, String)> {
    let of = |length: Beats| (length, format!("{}", (length.as_f64() * 100.0).round() / 100.0));
    let lengths = [Beats(length.0 / 2), length, Beats(length.0.saturating_mul(2))];
    lengths
        .into_iter()
        .filter(|length| *length > Beats::ZERO && *length <= Beats::whole(CLIP_BEATS_MAX))
        .map(of)
        .collect()
}

/// What a clip plays, how long it is, and who made it.
fn origin(view: &View, shelf: &Shelf, clip: &Clip) -> String {
    let bar = view.state.meters().at(view.beat()).signature.bar();
    let length = pads::length(clip.length, clip.looped, bar);
    let sound = match shelf.sound(&clip.sound) {
        Some(sound) => sound.name.clone(),
        None if clip.sound.sample().is_some() => "Own sound".to_owned(),
        None => clip.sound.to_string(),
    };
    match clip.author.as_str() {
        "" => format!("{sound}, {length}"),
        author => format!("{sound}, {length}, by {author}"),
    }
}
