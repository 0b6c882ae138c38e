//! The way to the place: a WebSocket that shows the host's key.

use super::{Hub, trust};
use crate::limits::BRIDGE_OPEN_MAX;
use keyboardia_session::{SessionCode, api::ApiError, limits::BRIDGE_FRAME_BYTES_MAX};
use std::sync::Arc;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{Error, client::IntoClientRequest, http::header::AUTHORIZATION, protocol::WebSocketConfig},
};

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Dials in for a session.
///
/// # Errors
/// Why there is no way, as a sentence.
pub(super) async fn dial(hub: &Hub, code: SessionCode) -> Result<Socket, String> {
    let place = &hub.place;
    let no_way = |why: &dyn std::fmt::Display| format!("{place} takes no bridge: {why}.");
    let open = async {
        let url = place.url("ws", &format!("/api/sessions/{code}/bridge"));
        let mut request = url.into_client_request().map_err(|error| no_way(&error))?;
        let shown =
            format!("Bearer {}", hub.key).parse().map_err(|_| no_way(&"the key has letters that none can have"))?;
        request.headers_mut().insert(AUTHORIZATION, shown);
        let stream = TcpStream::connect(&place.host).await.map_err(|error| no_way(&error))?;
        stream.set_nodelay(true).map_err(|error| no_way(&error))?;
        let connector = if place.is_secure { Connector::Rustls(Arc::new(trust()?)) } else { Connector::Plain };
        let config = WebSocketConfig::default()
            .max_message_size(Some(BRIDGE_FRAME_BYTES_MAX))
            .max_frame_size(Some(BRIDGE_FRAME_BYTES_MAX));
        match client_async_tls_with_config(request, stream, Some(config), Some(connector)).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => {
                let said = answer.body().as_deref().and_then(|body| serde_json::from_slice::<ApiError>(body).ok());
                Err(said.map_or_else(|| no_way(&answer.status()), |error| format!("{place} says: {}", error.message)))
            }
            Err(error) => Err(no_way(&error)),
        }
    };
    timeout(BRIDGE_OPEN_MAX, open).await.unwrap_or_else(|_| Err(no_way(&"it does not answer")))
}
