//! The certificate of a host: its owner's, or one that it signs itself.
//!
//! Browsers let a page have sound, microphone and storage only over HTTPS, so a host always speaks it, beside plain HTTP
//! on the same port. A certificate that the host signs itself is kept beside the sessions, so that whoever has checked
//! its fingerprint once need not do it again.

use crate::HostError;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// Files of a certificate that the host signed itself, in the directory of its sessions.
const CERTIFICATE_FILE: &str = "certificate.pem";
const KEY_FILE: &str = "key.pem";
/// Certificates in a file.
const CHAIN_MAX: usize = 16;

/// Where a host's certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Certificate {
    /// The host signs one itself; browsers ask their users before they trust it.
    #[default]
    SelfSigned,
    /// Somebody signed it whom browsers trust.
    Files {
        /// The certificate and those that vouch for it, PEM.
        chain: PathBuf,
        /// Its private key, PEM.
        key: PathBuf,
    },
}

/// A host's certificate, ready to use.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// SHA-256 of the certificate, as browsers show it; `None` where somebody else vouches for it.
    pub(crate) fingerprint: Option<String>,
}

impl Tls {
    /// Reads or makes the certificate; `dir` is where a self-signed one is kept.
    ///
    /// # Errors
    /// [`HostError::Certificate`] when a file cannot be used.
    pub(crate) fn open(certificate: &Certificate, ips: &[IpAddr], dir: Option<&Path>) -> Result<Self, HostError> {
        let (chain, key, is_own) = match certificate {
            Certificate::Files { chain, key } => (read_chain(chain)?, read_key(key)?, false),
            Certificate::SelfSigned => {
                let (chain, key) = match dir {
                    Some(dir) => kept(dir, ips)?,
                    None => sign(ips)?.der(),
                };
                (chain, key, true)
            }
        };
        let fingerprint = chain.first().filter(|_| is_own).map(fingerprint);
        let of_config = |error: tokio_rustls::rustls::Error| HostError::Certificate {
            file: match certificate {
                Certificate::Files { chain, .. } => chain.clone(),
                Certificate::SelfSigned => dir.unwrap_or(Path::new("")).join(CERTIFICATE_FILE),
            },
            why: error.to_string(),
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(of_config)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(of_config)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint })
    }
}

/// A new certificate and its key, PEM.
struct Signed {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: PrivateKeyDer<'static>,
    key_pem: String,
}

impl Signed {
    fn der(self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (vec![self.certificate], self.key)
    }
}

fn sign(ips: &[IpAddr]) -> Result<Signed, HostError> {
    let names = std::iter::once("localhost".to_owned()).chain(ips.iter().map(IpAddr::to_string));
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names.collect::<Vec<_>>())
        .map_err(|error| HostError::Certificate { file: CERTIFICATE_FILE.into(), why: error.to_string() })?;
    let key_pem = signing_key.serialize_pem();
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(of_pem(Path::new(KEY_FILE)))?;
    Ok(Signed { certificate: cert.der().clone(), certificate_pem: cert.pem(), key, key_pem })
}

/// The certificate that lies in a directory; a new one if none does.
fn kept(dir: &Path, ips: &[IpAddr]) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), HostError> {
    let (certificate_file, key_file) = (dir.join(CERTIFICATE_FILE), dir.join(KEY_FILE));
    if certificate_file.exists() && key_file.exists() {
        return Ok((read_chain(&certificate_file)?, read_key(&key_file)?));
    }
    let signed = sign(ips)?;
    write_secret(&key_file, &signed.key_pem).map_err(of_file(&key_file))?;
    std::fs::write(&certificate_file, &signed.certificate_pem).map_err(of_file(&certificate_file))?;
    Ok(signed.der())
}

/// Writes a file that nobody else may read.
fn write_secret(file: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(file)?, text.as_bytes())
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, HostError> {
    let chain = CertificateDer::pem_file_iter(file).map_err(of_pem(file))?;
    let chain = chain.take(CHAIN_MAX).collect::<Result<Vec<_>, _>>().map_err(of_pem(file))?;
    if chain.is_empty() {
        return Err(HostError::Certificate { file: file.into(), why: "it holds no certificate".into() });
    }
    Ok(chain)
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, HostError> {
    PrivateKeyDer::from_pem_file(file).map_err(of_pem(file))
}

fn of_pem(file: &Path) -> impl Fn(tokio_rustls::rustls::pki_types::pem::Error) -> HostError {
    move |error| HostError::Certificate { file: file.into(), why: error.to_string() }
}

fn of_file(file: &Path) -> impl Fn(io::Error) -> HostError {
    move |error| HostError::Certificate { file: file.into(), why: error.to_string() }
}

/// SHA-256 of a certificate, in pairs of hexadecimal digits.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), certificate));
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_the_host_signed_is_the_same_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Tls::open(&Certificate::SelfSigned, &["192.168.1.5".parse().unwrap()], Some(dir.path()));
        let first = open().unwrap().fingerprint.unwrap();
        assert_eq!(first.len(), 32 * 3 - 1);
        assert_eq!(open().unwrap().fingerprint.unwrap(), first);
        assert_ne!(Tls::open(&Certificate::SelfSigned, &[], None).unwrap().fingerprint.unwrap(), first);
        std::fs::write(dir.path().join(KEY_FILE), "nonsense").unwrap();
        let why = open().err().unwrap().to_string();
        assert!(why.contains(KEY_FILE) && why.ends_with('.'), "{why}");
    }

    #[test]
    fn files_that_are_none_are_named() {
        let files = Certificate::Files { chain: "no/such.pem".into(), key: "no/such.key".into() };
        let why = Tls::open(&files, &[], None).err().unwrap().to_string();
        assert!(why.contains("no/such.pem"), "{why}");
    }
}
