//! The page that plays Keyboardia in a browser, as files: what is in `files/` is named by its content and kept for
//! ever, the rest is asked for anew. Every answer says what the page may do, which is little.

use super::{Front, door::Visit, refusal::Refusal};
use crate::page::{INDEX, PageDir};
use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header, uri::PathAndQuery},
    response::{IntoResponse, Response},
};
use keyboardia_session::{
    denial::Denial,
    page::{HEADERS, LASTING, LASTING_CACHE, PASSING_CACHE},
};
use tower_http::services::ServeDir;

/// What begins the path of all that is no page.
const API: &str = "/api";
/// What is said where the page would be.
const NO_PAGE: &str = "This is a host of Keyboardia. It has no page to play on: start it with one (./play web, or \
    --web DIR), or join it from the game.\n";
/// The list of the page's files, which a page looks at to know whether it is old.
const ASSETS: &str = "/assets.json";
/// Comes with that list on the host's own machine: the origin at which others find the page.
const GUESTS: &str = "keyboardia-guests";

/// The files of a page, compressed where the packer has compressed them and the browser likes it.
#[derive(Clone)]
pub(super) struct Page {
    files: ServeDir,
    guests: Option<HeaderValue>,
}

impl Page {
    pub(super) fn new(dir: &PageDir) -> Self {
        let files = ServeDir::new(dir.path()).append_index_html_on_directories(false);
        Self { files: files.precompressed_br().precompressed_gzip(), guests: None }
    }

    /// Says where others find the page.
    pub(super) fn guests_come_to(&mut self, origin: Option<&str>) {
        self.guests = origin.and_then(|origin| HeaderValue::from_str(origin).ok());
    }
}

/// Everything that is no other route: a file of the page, or nothing.
pub(super) async fn serve(
    State(front): State<Front>,
    ConnectInfo(Visit { route, .. }): ConnectInfo<Visit>,
    mut request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    let unknown = || Refusal::from(Denial::unknown_route(&path)).into_response();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read || path == API || path.starts_with("/api/") || is_hidden(&path) {
        return unknown();
    }
    // Whoever plays on the host's own machine has come by an address that leads nobody else here.
    let is_at_home = front.origin(&route, request.headers()).to_canonical().is_loopback();
    let Some(Page { mut files, guests }) = front.page else {
        return if path == "/" { (StatusCode::NOT_FOUND, NO_PAGE).into_response() } else { unknown() };
    };
    let is_lasting = path.starts_with(LASTING);
    if path == "/" {
        *request.uri_mut() = index();
    }
    if !is_lasting {
        // A time says nothing of a page that was put there by a package: it is sent anew, which is little.
        request.headers_mut().remove(header::IF_MODIFIED_SINCE);
        request.headers_mut().remove(header::IF_UNMODIFIED_SINCE);
    }
    let mut response = match files.try_call(request).await {
        Ok(response) if response.status() == StatusCode::NOT_FOUND => return unknown(),
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::debug!(target: "host", %error, path, "a file of the page cannot be read");
            return unknown();
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !is_lasting {
        headers.remove(header::LAST_MODIFIED);
    }
    if let Some(guests) = guests.filter(|_| is_at_home && path == ASSETS) {
        headers.insert(GUESTS, guests);
    }
    let cache = if is_lasting { LASTING_CACHE } else { PASSING_CACHE };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

/// The index; browsers see it at the root.
fn index() -> Uri {
    PathAndQuery::try_from(format!("/{INDEX}")).map_or_else(|_| Uri::default(), Uri::from)
}

/// Whether a part of the path begins with a dot: such files are nobody's business, wherever they are.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.') || part.to_ascii_lowercase().starts_with("%2e"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_and_ways_up_are_no_paths() {
        for path in ["/..", "/../x", "/files/../../x", "/.packed.json", "/%2e%2E/x", "/files/.x"] {
            assert!(is_hidden(path), "{path}");
        }
        for path in ["/", "/index.html", "/files/a-0123456789abcdef.js"] {
            assert!(!is_hidden(path), "{path}");
        }
    }

    #[test]
    fn the_root_is_the_index() {
        assert_eq!(index().path(), "/index.html");
    }
}
