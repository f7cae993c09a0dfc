//! `mickai serve`: the API over HTTP, until it is ended.

use crate::args::Serve as Args;
use crate::failure::Failure;
use crate::out::{Out, remark};
use crate::settle;
use mickai_http::{App, Options, api_keys};
use mickai_runtime::{Allowance, System};
use serde_json::json;
use std::sync::Arc;

pub fn serve(system: System, args: &Args, out: Out) -> Result<u8, Failure> {
    let options = Options {
        address: args.listen,
        names: args.names.clone(),
        keys: args.api_keys.as_deref().map(api_keys).transpose().map_err(Failure::Serve)?.unwrap_or_default(),
        tls: args.tls_cert.clone().zip(args.tls_key.clone()),
        is_strict: args.strict,
        token_count: args.max_tokens,
        allowance: Allowance::new(args.memory_bytes, args.cache_bytes)?,
    };
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let app = App::open(Arc::new(system), options)?;
    app.desk().settle_when_due(settle::reach, settle::tell)?;
    let mut printed = Ok(());
    let cut_count = mickai_http::serve(&app, |address| {
        let url = format!("{scheme}://{address}");
        printed = out.object(&json!({ "url": url }), || format!("listening on {url}"));
    })
    .map_err(Failure::Serve)?;
    if cut_count > 0 {
        remark(format_args!("connections that were cut off before their answer was whole: {cut_count}"));
    }
    printed.map(|()| 0)
}
