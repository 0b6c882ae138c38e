//! The two renet channels. Both ends of a connection must be built alike.

use keyboardia_session::limits::{
    BYTES_PER_TICK_MAX, CHANNEL_BYTES_MAX, CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, RESEND_MS,
};
use renet::{ChannelConfig, ConnectionConfig, SendType};
use std::time::Duration;

/// What a player must mirror to understand this host, all of it from [`keyboardia_session::limits`]:
///
/// - the same two channels in both directions, in this order, each with memory for [`CHANNEL_BYTES_MAX`]:
///   [`CHANNEL_RELIABLE`], reliable and ordered, resent after [`RESEND_MS`], then [`CHANNEL_UNRELIABLE`], unreliable;
/// - [`BYTES_PER_TICK_MAX`] available bytes per tick.
pub fn connection_config() -> ConnectionConfig {
    let channel =
        |channel_id, send_type| ChannelConfig { channel_id, max_memory_usage_bytes: CHANNEL_BYTES_MAX, send_type };
    let channels = vec![
        channel(CHANNEL_RELIABLE, SendType::ReliableOrdered { resend_time: Duration::from_millis(RESEND_MS) }),
        channel(CHANNEL_UNRELIABLE, SendType::Unreliable),
    ];
    ConnectionConfig {
        available_bytes_per_tick: BYTES_PER_TICK_MAX,
        server_channels_config: channels.clone(),
        client_channels_config: channels,
    }
}
