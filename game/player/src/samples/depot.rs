//! Where a session's sounds lie: a host's HTTP interface, as one seat sees it.

use crate::{
    delivery::{Fault, refusal},
    host::Address,
};
use keyboardia_session::{SampleHash, limits::SAMPLE_BYTES_MAX};
use reqwest::{
    blocking::{Body, Client, RequestBuilder, Response},
    header::CONTENT_TYPE,
};
use std::{
    io::{self, Cursor, Read},
    sync::Arc,
    time::Duration,
};

/// How long the longest sound may take on its way, either way.
const WAY_MAX: Duration = Duration::from_mins(3);
/// Bytes of a refusal that are read.
const REFUSAL_BYTES_MAX: u64 = 4 * 1024;

/// See the module.
pub(crate) struct Depot {
    client: Client,
    address: Address,
    code: String,
    token: String,
}

impl Depot {
    /// The sounds of a session on the host there, for the seat of this token.
    pub(crate) fn new(client: Client, address: Address, code: String, token: String) -> Self {
        Self { client, address, code, token }
    }

    /// Fetches a sound's file, and checks that it is the one that was asked for.
    pub(super) fn fetch(&self, hash: SampleHash) -> Result<Vec<u8>, Fault> {
        let answer = self.send(self.client.get(self.url(hash)))?;
        let mut file = Vec::new();
        let read = answer.take(SAMPLE_BYTES_MAX as u64 + 1).read_to_end(&mut file);
        if read.is_err() || SampleHash::of(&file) != hash {
            return Err(Fault { sentence: "The sound did not arrive whole.".into(), may_pass: true });
        }
        Ok(file)
    }

    /// Brings a sound's file; `sent` is told how many bytes have gone out.
    pub(super) fn bring(
        &self,
        hash: SampleHash,
        wav: &Arc<Vec<u8>>,
        sent: impl FnMut(usize) + Send + 'static,
    ) -> Result<(), Fault> {
        let body = Counted { file: Cursor::new(Whole(wav.clone())), sent };
        let body = Body::sized(body, wav.len() as u64);
        self.send(self.client.put(self.url(hash)).header(CONTENT_TYPE, "audio/wav").body(body)).map(drop)
    }

    fn url(&self, hash: SampleHash) -> String {
        self.address.url("http", &format!("/api/sessions/{}/samples/{hash}", self.code))
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, Fault> {
        let sent = request.bearer_auth(&self.token).timeout(WAY_MAX).send();
        let answer = sent.map_err(|_| Fault {
            sentence: format!("The host at {} cannot be reached just now.", self.address),
            may_pass: true,
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let mut body = Vec::new();
        // What cannot be read says nothing, and is told as that.
        let _ = answer.take(REFUSAL_BYTES_MAX).read_to_end(&mut body);
        Err(refusal(status.as_u16(), &body))
    }
}

/// A file's bytes, shared.
struct Whole(Arc<Vec<u8>>);

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Tells how much of a file has been read.
struct Counted<F> {
    file: Cursor<Whole>,
    sent: F,
}

impl<F: FnMut(usize)> Read for Counted<F> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(piece)?;
        (self.sent)(self.file.position() as usize);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_goes_out_is_counted() {
        let (counts, counted) = std::sync::mpsc::channel();
        let mut body =
            Counted { file: Cursor::new(Whole(Arc::new(vec![7; 100]))), sent: move |sent| counts.send(sent).unwrap() };
        let mut piece = [0; 60];
        while body.read(&mut piece).unwrap() > 0 {}
        assert_eq!(counted.try_iter().collect::<Vec<_>>(), [60, 100, 100]);
    }
}
