//! The page for browsers: right types, right caching, compressed as packed, and nothing that is not the page's.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use common::{Program, create, url};
use keyboardia_server::{Certificate, Host, HostConfig, PageDir};
use keyboardia_session::api::ApiError;
use keyboardia_visitor::client;
use reqwest::{Method, blocking::Response};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};
use tempfile::TempDir;

const GAME: &str = "/files/keyboardia-0123456789abcdef.wasm";
const RAW: &[u8] = b"\0asm raw";
const BROTLI: &[u8] = b"as brotli";
const GZIP: &[u8] = b"as gzip";

/// A page as the packer lays it out, and a secret beside it.
fn packed() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let sounds = dir.path().join("page/files/sounds-0123456789abcdef");
    fs::create_dir_all(&sounds).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    write("secret", b"secret");
    write("page/index.html", b"<!doctype html>");
    write("page/sw.js", b"self");
    write("page/assets.json", b"{}");
    write("page/manifest.webmanifest", b"{}");
    write("page/.packed.json", b"secret");
    write(&format!("page{GAME}"), RAW);
    write(&format!("page{GAME}.br"), BROTLI);
    write(&format!("page{GAME}.gz"), GZIP);
    write("page/files/style-0123456789abcdef.css", b"a{}");
    write("page/files/sounds-0123456789abcdef/hit-kick.ogg", b"OggS");
    dir
}

/// A host that serves it.
fn start() -> (TempDir, Host) {
    let dir = packed();
    let page = PageDir::find(Some(&dir.path().join("page"))).expect("a page");
    let host = Host::start(HostConfig { page, ..HostConfig::loopback() }).expect("the host starts");
    (dir, host)
}

fn ask(host: &Host, method: Method, path: &str, accept: &str) -> Response {
    let request = client().request(method, url(host.http_addr(), path)).header("accept-encoding", accept);
    request.send().expect("HTTP answers")
}

fn get(host: &Host, path: &str) -> Response {
    ask(host, Method::GET, path, "identity")
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// What a host says to a path as it stands: HTTP clients would tidy it.
fn get_raw(host: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn every_file_has_its_type_and_is_kept_as_long_as_its_name_allows() {
    let (_dir, host) = start();
    let (ever, anew) = ("public, max-age=31536000, immutable", "no-cache");
    for (path, kind, cache) in [
        ("/", "text/html", anew),
        ("/index.html", "text/html", anew),
        ("/sw.js", "text/javascript", anew),
        ("/assets.json", "application/json", anew),
        ("/manifest.webmanifest", "application/manifest+json", anew),
        (GAME, "application/wasm", ever),
        ("/files/style-0123456789abcdef.css", "text/css", ever),
        ("/files/sounds-0123456789abcdef/hit-kick.ogg", "audio/ogg", ever),
    ] {
        let answer = get(&host, path);
        assert_eq!(answer.status(), 200, "{path}");
        assert!(header(&answer, "content-type").starts_with(kind), "{path}: {}", header(&answer, "content-type"));
        assert_eq!(header(&answer, "cache-control"), cache, "{path}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&answer, "vary"), "accept-encoding", "{path}");
    }
}

#[test]
fn the_page_may_do_what_it_needs_and_nothing_else() {
    let (_dir, host) = start();
    let answer = get(&host, "/");
    let policy = header(&answer, "content-security-policy");
    for part in ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains("http"), "{policy}");
    assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    assert_eq!(header(&answer, "cross-origin-opener-policy"), "same-origin");
    assert!(header(&answer, "permissions-policy").contains("camera=()"));
}

#[test]
fn a_browser_gets_the_compression_that_it_likes_best() {
    let (_dir, host) = start();
    for (accept, encoding, bytes) in
        [("gzip, br", "br", BROTLI), ("gzip", "gzip", GZIP), ("identity", "", RAW), ("deflate", "", RAW)]
    {
        let answer = ask(&host, Method::GET, GAME, accept);
        assert_eq!(header(&answer, "content-encoding"), encoding);
        assert_eq!(header(&answer, "content-type"), "application/wasm");
        assert_eq!(answer.bytes().unwrap(), bytes, "{accept}");
    }
}

#[test]
fn head_says_the_same_without_the_body() {
    let (_dir, host) = start();
    let answer = ask(&host, Method::HEAD, GAME, "br");
    assert_eq!((answer.status().as_u16(), header(&answer, "content-encoding")), (200, "br"));
    assert_eq!(header(&answer, "content-length"), BROTLI.len().to_string());
    assert!(answer.bytes().unwrap().is_empty());
}

#[test]
fn the_index_is_sent_anew_and_a_lasting_file_need_not_be() {
    let (_dir, host) = start();
    let since = header(&get(&host, GAME), "last-modified").to_owned();
    assert_eq!(header(&get(&host, "/"), "last-modified"), "");
    let again = |path: &str| {
        let request = client().get(url(host.http_addr(), path)).header("if-modified-since", &since);
        request.send().unwrap().status().as_u16()
    };
    assert_eq!((again("/"), again(GAME)), (200, 304));
}

#[test]
fn what_is_not_the_page_s_stays_where_it_is() {
    let (_dir, host) = start();
    for path in [
        "/../secret",
        "/files/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/files/..%2f..%2fsecret",
        "/..%5csecret",
        "//secret",
        "/.packed.json",
        "/files/%00",
        "/files",
        "/files/",
    ] {
        let answer = get_raw(host.http_addr(), path);
        assert!(!answer.contains("\r\n\r\nsecret"), "{path}: {answer}");
        assert!(!answer.starts_with("HTTP/1.1 2") && !answer.starts_with("HTTP/1.1 5"), "{path}: {answer}");
    }
}

#[test]
fn what_is_not_there_is_a_sentence() {
    let (_dir, host) = start();
    let answer = get(&host, "/files/loader-ffffffffffffffff.js");
    assert_eq!(answer.status(), 404);
    assert_eq!(header(&answer, "cache-control"), "", "another page may have it in a moment");
    let sentence = answer.json::<ApiError>().unwrap().message;
    assert_eq!(sentence, "There is nothing at /files/loader-ffffffffffffffff.js on this host.");
    assert_eq!(ask(&host, Method::POST, "/", "identity").status(), 404);
}

#[test]
fn the_rest_of_the_host_is_as_ever() {
    let (dir, host) = start();
    fs::create_dir_all(dir.path().join("page/api")).unwrap();
    fs::write(dir.path().join("page/api/nothing"), "secret").unwrap();
    create(host.http_addr());
    assert_eq!(get(&host, "/healthz").text().unwrap(), "ok");
    assert_eq!(get(&host, "/api/nothing").status(), 404);
    assert_eq!(get(&host, "/api/sessions").status(), 405);
}

#[test]
fn without_a_page_the_root_says_so() {
    let host = Host::start(HostConfig::loopback()).unwrap();
    let answer = get(&host, "/");
    assert_eq!(answer.status(), 404);
    assert!(answer.text().unwrap().contains("no page to play on"));
    assert_eq!(get(&host, "/index.html").status(), 404);
}

#[test]
fn the_program_says_where_to_open_the_page() {
    let dir = packed();
    let page = dir.path().join("page");
    let options = ["--port", "0", "--bind", "127.0.0.1", "--create", "--web", page.to_str().unwrap()];
    let mut program = Program::start(&options);
    let lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut lines = lines.skip_while(|line| line != "In a browser, open").skip(1);
    let link = lines.next().unwrap();
    let (page, code) = link.trim().split_once('#').expect("a code");
    assert_eq!(code.split('-').count(), 5, "{link}");
    let answer = client().get(page).send().unwrap();
    assert!(page.starts_with("http://127.0.0.1:") && answer.status() == 200, "{link}");
    assert!(lines.any(|line| line.contains("fingerprint")));
    program.signal("TERM");
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn a_directory_without_a_page_ends_the_program_with_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let (status, said) = Program::start(&["--port", "0", "--web", dir.path().to_str().unwrap()]).end();
    assert_eq!(status, Some(1));
    assert!(said.contains("There is no page in ") && said.ends_with("makes one.\n"), "{said}");
}

#[test]
fn a_page_on_the_host_s_own_machine_learns_where_others_find_it() {
    let dir = packed();
    let page = PageDir::find(Some(&dir.path().join("page"))).unwrap();
    let near = HostConfig { page, certificate: Some(Certificate::SelfSigned), ..HostConfig::loopback() };
    let guests = |config: HostConfig, path: &str| {
        let host = Host::start(config).unwrap();
        let guests =
            get(&host, path).headers().get("keyboardia-guests").map(|origin| origin.to_str().unwrap().to_owned());
        (guests, host.http_addr().port())
    };
    assert_eq!(guests(near.clone(), "/assets.json").0, None, "nobody else can come");
    let advertised = HostConfig { advertise: vec!["203.0.113.7".parse().unwrap()], ..near };
    let (origin, port) = guests(advertised.clone(), "/assets.json");
    assert_eq!(origin, Some(format!("https://203.0.113.7:{port}")));
    assert_eq!(guests(advertised.clone(), "/").0, None);
    assert_eq!(
        guests(HostConfig { certificate: None, ..advertised }, "/assets.json").0,
        None,
        "browsers play over HTTPS"
    );
}
