# What ./play and ./test share: look at the machine, install what is missing, say what is done.
# Sourced, not run. Everything comes from the system's package manager and from cargo's registry.

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/keyboardia}"
# Several checkouts may share a build: each plays its own sounds.
export KEYBOARDIA_SOUNDS="${KEYBOARDIA_SOUNDS:-$PWD/assets/sounds}"
# Where the page for browsers is packed, and where hosts find it.
export KEYBOARDIA_WEB="${KEYBOARDIA_WEB:-$PWD/web/dist}"

# The oldest Rust that builds this; Cargo.toml says the same.
RUST_MINOR=95

BUILD_PACKAGES=(build-essential pkg-config libasound2-dev libudev-dev libwayland-dev libxkbcommon-dev)
WINDOW_PACKAGES=(libxkbcommon-x11-0 libxcursor1 libxi6 libxrandr2 libx11-xcb1 mesa-vulkan-drivers libgl1-mesa-dri
    libasound2-plugins)
TEST_PACKAGES=(xvfb pulseaudio pulseaudio-utils)
# A host and the packer need no window and no sound.
HOST_PACKAGES=(build-essential pkg-config)
# A Rust with which the browser's target can be built where rustup cannot fetch it.
WASM_PACKAGES=(rustc-web cargo-web rust-web-src libstd-rust-web-dev lld-19)

# The browser of the tests, and what drives it.
BROWSER_PACKAGES=(chromium)
PLAYWRIGHT_VERSION=1.65.1
export KEYBOARDIA_BROWSER="${KEYBOARDIA_BROWSER:-$HOME/.cache/keyboardia-browser}"

# What runs the Worker here, and puts it on Cloudflare.
WRANGLER_VERSION=4.86.0
export KEYBOARDIA_CLOUD="${KEYBOARDIA_CLOUD:-$HOME/.cache/keyboardia-cloud}"

WASM_TARGET=wasm32-unknown-unknown
# How long rustup may take to fetch it, seconds.
WASM_FETCH_MAX=180

say() { printf '\033[1mkeyboardia:\033[0m %s\n' "$*"; }
fail() {
    printf 'keyboardia: %s\n' "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

need_rust() {
    if ! command -v cargo >/dev/null && [ -r "$HOME/.cargo/env" ]; then
        # shellcheck disable=SC1091
        . "$HOME/.cargo/env"
    fi
    command -v cargo >/dev/null || fail "Rust is missing. Install it from https://rustup.rs, then run this again."
    local version minor
    version=$(rustc --version | cut -d' ' -f2)
    minor=$(printf '%s' "$version" | cut -d. -f2)
    [ "$minor" -ge "$RUST_MINOR" ] || fail "Rust $version is too old; run \`rustup update\` to get 1.$RUST_MINOR or newer."
}

# need_packages PACKAGE…: installs those that are missing, on Debian and its relatives.
need_packages() {
    [ "$(uname -s)" = Linux ] || return 0
    if ! command -v dpkg-query >/dev/null; then
        say "This is not Debian or Ubuntu; if the build fails, install what these are called here: $*"
        return 0
    fi
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
    done
    [ "${#missing[@]}" -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "These packages are missing and only root can install them: ${missing[*]}"
    fi
    say "Installing system packages: ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "The packages could not be installed: ${missing[*]}"
    fi
    rm -f "$log"
}

# need_cargo_tool BINARY CRATE: installs a cargo tool that is missing.
need_cargo_tool() {
    command -v "$1" >/dev/null && return 0
    [ -x "$HOME/.cargo/bin/$1" ] && return 0
    say "Installing $2 (some minutes, once)"
    cargo install --locked --quiet "$2" || fail "$2 could not be installed."
}

# need_wasm: a Rust that builds for the browser. Sets WASM_CARGO, the command to use in the place of `cargo`.
need_wasm() {
    need_rust
    WASM_CARGO=(cargo)
    has_wasm && return 0
    if ! has_system_wasm; then
        if command -v rustup >/dev/null; then
            say "Fetching Rust's $WASM_TARGET target"
            timeout "$WASM_FETCH_MAX" rustup --quiet target add "$WASM_TARGET" >/dev/null 2>&1 && has_wasm && return 0
        fi
        command -v apt-get >/dev/null ||
            fail "Rust's $WASM_TARGET target is missing. Install it with \`rustup target add $WASM_TARGET\`."
        build_system_wasm
    fi
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19
    if [ -d "${RUSTUP_HOME:-$HOME/.rustup}/toolchains/debian" ]; then
        WASM_CARGO=(cargo +debian)
    else
        WASM_CARGO=(env RUSTC=/usr/bin/rustc /usr/bin/cargo)
    fi
}

# Whether the Rust that is used has the target.
has_wasm() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$WASM_TARGET/lib" ]
}

# Whether the system's Rust has the target, made by this very version.
has_system_wasm() {
    [ -x /usr/bin/rustc ] && [ -r "/usr/lib/rustlib/$WASM_TARGET/made-by" ] &&
        [ "$(/usr/bin/rustc --version)" = "$(cat "/usr/lib/rustlib/$WASM_TARGET/made-by")" ]
}

# Builds the target's standard library from Debian's sources, for Debian's Rust.
build_system_wasm() {
    need_packages "${WASM_PACKAGES[@]}"
    say "rustup cannot fetch the target; building it from Debian's sources (a minute, once)"
    local made lib="/usr/lib/rustlib/$WASM_TARGET/lib"
    made=$(mktemp -d)
    mkdir "$made/src"
    cat >"$made/Cargo.toml" <<'CRATE'
[package]
name = "empty"
version = "0.0.0"
edition = "2021"
[lib]
crate-type = ["cdylib"]
[workspace]
CRATE
    : >"$made/src/lib.rs"
    # With bitcode, or the game could not be made small across crates. The flag is the compiler's own for its library.
    if ! (cd "$made" && RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTFLAGS="-C embed-bitcode=yes" RUSTUP_TOOLCHAIN= \
        CARGO_TARGET_DIR="$made/target" CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19 \
        /usr/bin/cargo build --release --target "$WASM_TARGET" -Zbuild-std=std,panic_abort) >"$made/log" 2>&1; then
        tail -n 20 "$made/log" >&2
        rm -rf "$made"
        fail "Rust's $WASM_TARGET target could not be built."
    fi
    rm -f "$made/target/$WASM_TARGET/release/deps/libempty"*
    as_root rm -rf "$lib"
    as_root mkdir -p "$lib"
    as_root cp "$made/target/$WASM_TARGET/release/deps/"lib*.rlib "$lib/"
    /usr/bin/rustc --version >"$made/made-by"
    as_root cp "$made/made-by" "/usr/lib/rustlib/$WASM_TARGET/made-by"
    rm -rf "$made"
    if command -v rustup >/dev/null; then
        rustup toolchain link debian /usr >/dev/null 2>&1 || true
    fi
}

# need_browser: Chromium, Node.js, and playwright-core in $KEYBOARDIA_BROWSER.
need_browser() {
    need_packages "${BROWSER_PACKAGES[@]}"
    need_npm "$KEYBOARDIA_BROWSER" playwright-core "$PLAYWRIGHT_VERSION" "drives the browser"
}

# need_cloud: Node.js, and wrangler in $KEYBOARDIA_CLOUD.
need_cloud() {
    need_npm "$KEYBOARDIA_CLOUD" wrangler "$WRANGLER_VERSION" "runs the Worker"
    export WRANGLER_SEND_METRICS=false
}

# need_npm DIR PACKAGE VERSION WHAT: Node.js, and a package of npm's in a folder of its own.
need_npm() {
    command -v node >/dev/null && command -v npm >/dev/null || need_packages nodejs npm
    local dir="$1" name="$2" version="$3"
    grep -q "\"version\": \"$version\"" "$dir/node_modules/$name/package.json" 2>/dev/null && return 0
    say "Installing $name $version, which $4"
    mkdir -p "$dir"
    [ -r "$dir/package.json" ] || echo '{ "private": true }' >"$dir/package.json"
    # Node.js brings certificates of its own; those of the system are good, too.
    local certificates=/etc/ssl/certs/ca-certificates.crt
    [ ! -r "$certificates" ] || export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-$certificates}"
    npm install --prefix "$dir" --no-audit --no-fund --silent "$name@$version" || fail "$name could not be installed."
}

# build_module PROFILE PACKAGE: a library as a module of its own. As that and nothing else: a library that other crates can
# use, too, is not optimised across crates, and twice as large.
build_module() {
    "${WASM_CARGO[@]}" rustc --quiet --lib --crate-type cdylib --profile "$1" --target "$WASM_TARGET" -p "$2"
}

# build_worker: the Worker. Needs need_wasm and the packer.
build_worker() {
    local wasm="$CARGO_TARGET_DIR/$WASM_TARGET/web-bridge/keyboardia_bridge.wasm"
    [ -r "$wasm" ] || say "Building the Worker; the first time takes some minutes"
    build_module web-bridge keyboardia-bridge
    "$CARGO_TARGET_DIR/release/keyboardia-page" worker --module "$wasm" --out web/bridge/build
}

# lint_worker: looks through what exists only in the Worker, where the Rust that builds it has lints. Needs need_wasm.
lint_worker() {
    "${WASM_CARGO[@]}" clippy --version >/dev/null 2>&1 || return 0
    "${WASM_CARGO[@]}" clippy --quiet --profile web-bridge --target "$WASM_TARGET" -p keyboardia-bridge -- -D warnings
}

# build_wasm: the game and its sound engine for the browser. Needs need_wasm.
build_wasm() {
    [ -r "$CARGO_TARGET_DIR/$WASM_TARGET/web/keyboardia.wasm" ] ||
        say "Building the game for the browser; the first time takes about a quarter of an hour"
    build_module web-engine keyboardia-engine
    "${WASM_CARGO[@]}" build --quiet --profile web --target "$WASM_TARGET" -p keyboardia --bin keyboardia
}

# pack_page: the page around them, in $KEYBOARDIA_WEB. Needs build_wasm and the packer, which is one of the workspace's
# programs.
pack_page() {
    local wasm="$CARGO_TARGET_DIR/$WASM_TARGET"
    say "Packing the page (compressing a new game takes about a minute)"
    "$CARGO_TARGET_DIR/release/keyboardia-page" pack --cache "$CARGO_TARGET_DIR/page" --out "$KEYBOARDIA_WEB" \
        --client "$wasm/web/keyboardia.wasm" --engine "$wasm/web-engine/keyboardia_engine.wasm"
}
