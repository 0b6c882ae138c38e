//! What the page for browsers is served with, the same on every host.

/// What begins the path of all that is named by its content.
pub const LASTING: &str = "/files/";
/// How long that is kept.
pub const LASTING_CACHE: &str = "public, max-age=31536000, immutable";
/// How long everything else is: it is asked for anew each time.
pub const PASSING_CACHE: &str = "no-cache";

/// What every file of the page comes with. The page has no other source than its host, starts no code that is text, and
/// may be in nobody's frame.
pub const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; \
         img-src 'self' data: blob:; style-src 'self'; font-src 'self'; media-src 'self' blob:; \
         manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    (
        "permissions-policy",
        "autoplay=(self), clipboard-write=(self), fullscreen=(self), microphone=(self), screen-wake-lock=(self), \
         camera=(), display-capture=(), geolocation=(), payment=(), usb=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];
