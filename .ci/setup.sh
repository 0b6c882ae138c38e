# What ./play and ./test share: look at the machine, install what is missing, say what is done.
# Sourced, not run. Everything comes from the system's package manager and from cargo's registry.

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/keyboardia}"
# Several checkouts may share a build: each plays its own sounds.
export KEYBOARDIA_SOUNDS="${KEYBOARDIA_SOUNDS:-$PWD/assets/sounds}"

# The oldest Rust that builds this; Cargo.toml says the same.
RUST_MINOR=95

BUILD_PACKAGES=(build-essential pkg-config libasound2-dev libudev-dev libwayland-dev libxkbcommon-dev)
WINDOW_PACKAGES=(libxkbcommon-x11-0 libxcursor1 libxi6 libxrandr2 libx11-xcb1 mesa-vulkan-drivers libgl1-mesa-dri
    libasound2-plugins)
TEST_PACKAGES=(xvfb pulseaudio pulseaudio-utils)

say() { printf '\033[1mkeyboardia:\033[0m %s\n' "$*"; }
fail() {
    printf 'keyboardia: %s\n' "$*" >&2
    exit 1
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
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "These packages are missing and only root can install them: ${missing[*]}"
        as_root=(sudo)
    fi
    say "Installing system packages: ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { "${as_root[@]}" apt-get update -qq &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
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
