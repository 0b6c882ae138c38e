//! The real window without a screen, frame by frame: for benches and for machines that have none.
//!
//! Everything is as in the game – every plugin, egui with its tessellation, Bevy's render world – but nothing opens the
//! window on a screen, and the adapter is wgpu's own that draws nothing, or the machine's, which draws into a picture.
//! Frames are made by hand, and all of a frame's work is done by the thread that makes it, so that this thread's processor
//! time is the frame's.

use crate::{
    Cli,
    link::{Link, Now},
    playfield::layout::{Layout, Target},
    screen::Screen,
    theme::Scale,
    tiles::Board,
};
use bevy::{
    app::PluginsState,
    camera::RenderTarget,
    ecs::{
        message::{Message, Messages},
        schedule::{Schedules, SingleThreadedExecutor},
    },
    input::{ButtonState, mouse::MouseButtonInput},
    prelude::*,
    render::{
        RenderApp, RenderPlugin,
        pipelined_rendering::PipelinedRenderingPlugin,
        render_resource::TextureFormat,
        renderer::{RenderAdapter, RenderAdapterInfo, RenderDevice, RenderInstance, RenderQueue, WgpuWrapper},
        settings::RenderCreation,
    },
    tasks::block_on,
    window::{CursorMoved, PrimaryWindow, WindowEvent},
    winit::WinitPlugin,
};
use keyboardia_session::{Command, SceneId, SessionState, TrackId};
use std::sync::Arc;

/// What draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapter {
    /// One that takes everything and draws nothing; every machine has it.
    Nothing,
    /// The machine's own, into a picture of the window's size.
    Machine,
}

/// The game's window, where nobody sees it.
pub struct Harness {
    app: App,
}

impl Harness {
    /// Opens it, as `keyboardia` with these arguments does.
    ///
    /// # Errors
    /// As a sentence.
    pub fn open(cli: Cli, adapter: Adapter) -> Result<Self, String> {
        let render = match adapter {
            Adapter::Nothing => nothing()?,
            Adapter::Machine => RenderCreation::default(),
        };
        let mut app = crate::app(cli, None, |plugins| {
            plugins
                .disable::<WinitPlugin>()
                .disable::<PipelinedRenderingPlugin>()
                .set(RenderPlugin { render_creation: render, ..default() })
        });
        while app.plugins_state() == PluginsState::Adding {
            bevy::tasks::tick_global_task_pools_on_main_thread();
        }
        app.finish();
        app.cleanup();
        on_one_thread(app.world_mut());
        if let Some(render) = app.get_sub_app_mut(RenderApp) {
            on_one_thread(render.world_mut());
        }
        // Cameras come with the first frame.
        app.update();
        if adapter == Adapter::Machine {
            into_a_picture(app.world_mut());
        }
        Ok(Self { app })
    }

    /// Makes one frame.
    pub fn frame(&mut self) {
        self.app.update();
    }

    /// Waits until the adapter has drawn all that it was given.
    ///
    /// # Errors
    /// As a sentence, if it does not come to an end.
    pub fn drawn(&self) -> Result<(), String> {
        let device = self.app.world().resource::<RenderDevice>();
        device
            .poll(wgpu::PollType::wait_indefinitely())
            .map(drop)
            .map_err(|error| format!("It does not draw: {error}."))
    }

    /// What draws, in the adapter's own words.
    pub fn adapter(&self) -> String {
        let wgpu::AdapterInfo { name, backend, .. } = &*self.app.world().resource::<RenderAdapterInfo>().0;
        format!("{name} ({backend})")
    }

    /// The session, once the window shows it.
    pub fn session(&self) -> Option<Arc<SessionState>> {
        let in_jam = *self.app.world().resource::<State<Screen>>().get() == Screen::Jam;
        self.app.world().resource::<Now>().session().filter(|_| in_jam).map(|view| view.state.clone())
    }

    /// Whether every sound of the grid is loaded.
    pub fn has_loaded(&self) -> bool {
        self.app.world().resource::<Now>().player().is_some_and(|player| player.loading.is_empty())
    }

    /// Asks the session for something.
    pub fn command(&self, command: Command) {
        self.app.world().resource::<Link>().command(command);
    }

    /// The mouse goes to a pad, as the window system would say it.
    pub fn point(&mut self, track: TrackId, scene: SceneId) {
        let rect = self.app.world().resource::<Layout>().rect(Target::Pad(track, scene));
        let position = rect.center() * self.app.world().resource::<Scale>().0;
        if let Some(window) = self.window() {
            let moved = CursorMoved { window, position, delta: None };
            self.say(moved.clone(), moved.into());
        }
    }

    /// The left button goes down, or up.
    pub fn button(&mut self, down: bool) {
        let state = if down { ButtonState::Pressed } else { ButtonState::Released };
        if let Some(window) = self.window() {
            let button = MouseButtonInput { button: MouseButton::Left, state, window };
            self.say(button, button.into());
        }
    }

    /// Whether the last frame showed a pad as pressed and not answered yet.
    pub fn shows_pending(&self, track: TrackId, scene: SceneId) -> bool {
        let world = self.app.world();
        let pad = world.resource::<Layout>().rect(Target::Pad(track, scene));
        let is_pad = |rect: Rect| rect.center().distance(pad.center()) < 1.0 && rect.width() <= pad.width();
        world.resource::<Board>().tiles().iter().any(|tile| tile.dashed && is_pad(tile.rect))
    }

    /// Tiles of the last frame.
    pub fn tiles(&self) -> usize {
        self.app.world().resource::<Board>().tiles().len()
    }

    fn window(&mut self) -> Option<Entity> {
        let world = self.app.world_mut();
        world.query_filtered::<Entity, With<PrimaryWindow>>().single(world).ok()
    }

    fn say<M: Message>(&mut self, message: M, as_event: WindowEvent) {
        let world = self.app.world_mut();
        world.resource_mut::<Messages<M>>().write(message);
        world.resource_mut::<Messages<WindowEvent>>().write(as_event);
    }
}

/// Lets the cameras draw into a picture in the place of the window.
fn into_a_picture(world: &mut World) {
    let size = world.query_filtered::<&Window, With<PrimaryWindow>>().single(world).map(Window::physical_size);
    let size = size.unwrap_or_default();
    let picture = Image::new_target_texture(size.x, size.y, TextureFormat::Rgba8UnormSrgb, None);
    let picture = world.resource_mut::<Assets<Image>>().add(picture);
    for mut target in world.query_filtered::<&mut RenderTarget, With<Camera>>().iter_mut(world) {
        *target = RenderTarget::Image(picture.clone().into());
    }
}

/// An adapter that takes everything and draws nothing.
fn nothing() -> Result<RenderCreation, String> {
    let mut description = wgpu::InstanceDescriptor::new_without_display_handle();
    description.backends = wgpu::Backends::NOOP;
    description.backend_options.noop.enable = true;
    let instance = wgpu::Instance::new(description);
    let adapter = block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))
        .map_err(|error| format!("There is no adapter that draws nothing: {error}."))?;
    let wish = wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..Default::default() };
    let (device, queue) =
        block_on(adapter.request_device(&wish)).map_err(|error| format!("It has no device: {error}."))?;
    Ok(RenderCreation::manual(
        RenderDevice::from(device),
        RenderQueue(Arc::new(WgpuWrapper::new(queue))),
        RenderAdapterInfo(WgpuWrapper::new(adapter.get_info())),
        RenderAdapter(Arc::new(WgpuWrapper::new(adapter))),
        RenderInstance(Arc::new(WgpuWrapper::new(instance))),
    ))
}

fn on_one_thread(world: &mut World) {
    for (_, schedule) in world.resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
}
