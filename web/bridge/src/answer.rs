//! Answers, and why there is none.

use keyboardia_session::denial::Denial;
use serde::Serialize;
use worker::{Error, Response, ResponseBuilder, Result, console_error};

/// Why a request is not answered as it wishes.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is refused.
    Denied(Denial),
    /// Something of Cloudflare's does not work.
    Broken(Error),
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// The answer to a request, whatever came of it.
pub(crate) fn of(outcome: std::result::Result<Response, Stop>) -> Result<Response> {
    match outcome {
        Ok(response) => Ok(response),
        Err(Stop::Denied(denial)) => denied(&denial),
        Err(Stop::Broken(error)) => {
            console_error!("{error}");
            denied(&Denial::busy())
        }
    }
}

/// An answer with a body in JSON.
pub(crate) fn json<T: Serialize>(status: u16, body: &T) -> Result<Response> {
    ResponseBuilder::new().with_status(status).from_json(body)
}

fn denied(denial: &Denial) -> Result<Response> {
    let response = json(denial.status, &denial.error)?;
    if let Some(seconds) = denial.retry_after_s {
        response.headers().set("retry-after", &seconds.to_string())?;
    }
    Ok(response)
}
