//! The page that plays Keyboardia in a browser, as files: what is in `files/` is named by its content and kept for
//! ever, the rest is asked for anew. Every answer says what the page may do, which is little.

use super::{Front, refusal::Refusal};
use crate::page::{INDEX, PageDir};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header, uri::PathAndQuery},
    response::{IntoResponse, Response},
};
use tower_http::services::ServeDir;

/// What begins the path of all that is named by its content.
const LASTING: &str = "/files/";
/// What begins the path of all that is no page.
const API: &str = "/api";
const LASTING_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const PASSING_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// What is said where the page would be.
const NO_PAGE: &str = "This is a host of Keyboardia. It has no page to play on: start it with one (./play web, or \
    --web DIR), or join it from the game.\n";
/// What every file of the page comes with. The page has no other source than its host, starts no code that is text, and
/// may be in nobody's frame.
const HEADERS: [(HeaderName, HeaderValue); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; \
             img-src 'self' data: blob:; style-src 'self'; font-src 'self'; media-src 'self' blob:; \
             manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "autoplay=(self), clipboard-write=(self), fullscreen=(self), microphone=(self), screen-wake-lock=(self), \
             camera=(), display-capture=(), geolocation=(), payment=(), usb=()",
        ),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::VARY, HeaderValue::from_static("accept-encoding")),
];

/// The files of a page, compressed where the packer has compressed them and the browser likes it.
#[derive(Clone)]
pub(super) struct Page(ServeDir);

impl Page {
    pub(super) fn new(dir: &PageDir) -> Self {
        let files = ServeDir::new(dir.path()).append_index_html_on_directories(false);
        Self(files.precompressed_br().precompressed_gzip())
    }
}

/// Everything that is no other route: a file of the page, or nothing.
pub(super) async fn serve(State(front): State<Front>, mut request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let unknown = || Refusal::unknown_route(&path).into_response();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read || path == API || path.starts_with("/api/") || is_hidden(&path) {
        return unknown();
    }
    let Some(Page(mut files)) = front.page else {
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
        headers.insert(name, value);
    }
    if !is_lasting {
        headers.remove(header::LAST_MODIFIED);
    }
    headers.insert(header::CACHE_CONTROL, if is_lasting { LASTING_CACHE } else { PASSING_CACHE });
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
