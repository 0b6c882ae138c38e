//! How often the window is drawn: as often as the screen shows it where a graphics adapter draws, and less often where
//! the processor does, for there each frame takes time away from the sound.

use bevy::{
    prelude::*,
    render::renderer::RenderAdapterInfo,
    winit::{UpdateMode, WinitSettings},
};
use std::time::Duration;
use wgpu_types::DeviceType;

/// Time between two frames that the processor draws.
const SOFTWARE_FRAME: Duration = Duration::from_millis(33);

pub(super) fn plugin(app: &mut App) {
    // The light of the beat moves all the time, focused or not.
    app.insert_resource(WinitSettings::continuous()).add_systems(Startup, spare_the_processor);
}

fn spare_the_processor(adapter: Res<RenderAdapterInfo>, mut settings: ResMut<WinitSettings>) {
    if adapter.device_type == DeviceType::Cpu {
        let mode = UpdateMode::reactive_low_power(SOFTWARE_FRAME);
        *settings = WinitSettings { focused_mode: mode, unfocused_mode: mode };
    }
}
