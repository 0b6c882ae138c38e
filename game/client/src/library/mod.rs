//! The sound library: a drawer at the right, from which sounds go onto pads.
//!
//! [`shelf`] says which sounds there are and which of them are looked for, [`drawer`] shows them, [`row`] draws one of
//! them, [`carry`] takes one to a pad. What is listened to here is heard by this player alone.

mod carry;
mod drawer;
mod row;
mod shelf;

pub(crate) use carry::Carried;
pub(crate) use drawer::Drawer;
pub(crate) use shelf::{Favourites, Shelf};

use bevy::prelude::*;

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Shelf>().add_plugins((drawer::plugin, carry::plugin));
}
