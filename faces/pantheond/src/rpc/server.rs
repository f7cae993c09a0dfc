//! Connections: accepted, checked, answered; and an end that waits a moment for who is being answered.

use super::answer::{App, Call, answer};
use super::chain::Chain;
use super::error::ServeError;
use super::guard;
use super::limits::{BODY_BYTES_MAX, BODY_PATIENCE, CONNECTIONS_MAX, FAREWELL, HEAD_BYTES_MAX, HEAD_PATIENCE};
use super::patient::Patient;
use super::rate::{Buckets, Rate, counted_as};
use super::refused::{Refused, Result};
use super::reply::{Body, Reply};
use super::routes::{self, Found};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// How an RPC is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens.
    pub address: SocketAddr,
    /// Other machines may reach it.
    pub is_exposed: bool,
    /// Names besides those of its addresses under which programs may call it.
    pub names: Vec<String>,
    /// How often one address may ask.
    pub rate: Rate,
    /// How long a write to a client may make no progress.
    pub patience: Duration,
}

impl Options {
    /// May it listen there?
    ///
    /// # Errors
    /// [`ServeError::Exposed`] for an address that others could reach, where that was not asked for.
    pub fn check(&self) -> std::result::Result<(), ServeError> {
        if self.address.ip().is_loopback() || self.is_exposed { Ok(()) } else { Err(ServeError::Exposed(self.address)) }
    }
}

/// Ends what runs. Copies end the same.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::channel(false).0))
    }
}

impl Stop {
    /// Ends it.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    fn watch(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }
}

/// What a connection needs to know.
struct Shared {
    app: Arc<App>,
    options: Options,
    buckets: Buckets,
    ending: watch::Receiver<bool>,
}

/// Who calls, and what was called.
#[derive(Clone, Copy)]
struct Ends {
    /// As it is counted.
    caller: IpAddr,
    called: SocketAddr,
}

/// Serves until it is stopped; `ready` is told the address once it listens.
///
/// # Errors
/// An address that cannot be listened on, or that others could reach without that being asked for.
pub fn serve(chain: Arc<dyn Chain>, options: &Options, stop: &Stop, ready: impl FnOnce(SocketAddr)) -> std::result::Result<(), ServeError> {
    options.check()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)?;
    let shared = Arc::new(Shared { app: Arc::new(App::new(chain)), options: options.clone(), buckets: Buckets::new(options.rate), ending: stop.watch() });
    let done = runtime.block_on(run(&shared, ready));
    runtime.shutdown_timeout(FAREWELL);
    done
}

async fn run(shared: &Arc<Shared>, ready: impl FnOnce(SocketAddr)) -> std::result::Result<(), ServeError> {
    let address = shared.options.address;
    let listening = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listening)?;
    ready(listener.local_addr().map_err(listening)?);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut ending = shared.ending.clone();
    let mut ended = std::pin::pin!(ending.wait_for(|is_ending| *is_ending));
    let mut gone = std::pin::pin!(gone(shared.app.chain.clone()));
    {
        // Dropped with the place that it holds for the next connection.
        let mut accepting = std::pin::pin!(accept(shared, &listener, &places));
        std::future::poll_fn(|context| {
            let is_over = ended.as_mut().poll(context).is_ready() || gone.as_mut().poll(context).is_ready() || accepting.as_mut().poll(context).is_ready();
            if is_over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
    let _ = tokio::time::timeout(FAREWELL, places.acquire_many(u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX))).await;
    Ok(())
}

/// Comes when the node has ended, by itself or not.
async fn gone(chain: Arc<dyn Chain>) {
    let mut height = chain.ledger().height();
    while let Some(newer) = chain.wait(height).await {
        height = newer;
    }
}

/// Takes connections, as many at a time as there are places.
async fn accept(shared: &Arc<Shared>, listener: &TcpListener, places: &Arc<Semaphore>) {
    while let Ok(place) = places.clone().acquire_owned().await {
        let Ok((stream, caller)) = listener.accept().await else {
            // Too many open files, most likely: others must end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // One address does not take all places.
        let caller = counted_as(caller.ip());
        let Some(counted) = shared.app.metrics.connection(caller) else { continue };
        let shared = shared.clone();
        tokio::spawn(async move {
            talk(&shared, stream, caller).await;
            drop((counted, place));
        });
    }
}

/// One connection, to its end or that of the server.
async fn talk(shared: &Arc<Shared>, stream: TcpStream, caller: IpAddr) {
    let Ok(called) = stream.local_addr() else { return };
    // Events are small and wanted at once.
    let _ = stream.set_nodelay(true);
    let ends = Ends { caller, called };
    let service = service_fn(|request| async move { Ok::<_, Infallible>(respond(shared, request, ends).await) });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_buf_size(HEAD_BYTES_MAX);
    let mut served = std::pin::pin!(builder.serve_connection(TokioIo::new(Patient::new(stream, shared.options.patience)), service));
    let mut ending = shared.ending.clone();
    let mut ended = std::pin::pin!(ending.wait_for(|is_ending| *is_ending));
    let mut is_ending = false;
    std::future::poll_fn(|context| {
        if !is_ending && ended.as_mut().poll(context).is_ready() {
            is_ending = true;
            served.as_mut().graceful_shutdown();
        }
        // A broken connection is nobody's fault here.
        served.as_mut().poll(context).map(drop)
    })
    .await;
}

async fn respond(shared: &Arc<Shared>, request: Request<Incoming>, ends: Ends) -> Response<Body> {
    let found = routes::find(request.method().as_str(), request.uri().path());
    // Counted under its route, also where it is not answered.
    let path = if let Found::Route(route, _) = &found { route.path } else { "" };
    let admitted = admit(shared, &request, ends);
    let reply = match (admitted, found) {
        (Err(refused), _) => Err(refused),
        (Ok(()), Found::Route(route, parameter)) => handle(shared, request, ends, route, parameter).await,
        (Ok(()), Found::Methods(methods)) => {
            let refused = Refused::new(405, "method-not-allowed", format!("this path takes {}", methods.join(", ")));
            Ok(Reply::refused(&refused).with("allow", &methods.join(", ")))
        }
        (Ok(()), Found::Nothing) => Err(Refused::missing("such path")),
    };
    let reply = reply.unwrap_or_else(|refused| Reply::refused(&refused));
    shared.app.metrics.answered(path, reply.status());
    reply.into_response()
}

/// May it be answered at all, whatever is asked? The place comes first: a page from elsewhere that a browser here was led to takes nothing of what this machine's own programs may ask.
fn admit(shared: &Shared, request: &Request<Incoming>, ends: Ends) -> Result<()> {
    guard::check_place(request.headers(), ends.called, &shared.options.names)?;
    if shared.buckets.take(ends.caller, Instant::now()) {
        return Ok(());
    }
    let Rate { per_s, burst } = shared.options.rate;
    Err(Refused::too_many("rate", format!("one address may ask {burst} times at once and {per_s} times a second")))
}

async fn handle(shared: &Arc<Shared>, request: Request<Incoming>, ends: Ends, route: &'static routes::Route, parameter: String) -> Result<Reply> {
    if route.request.is_some() {
        guard::check_type(request.headers())?;
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    if !query.is_empty() && route.page_max.is_none() {
        return Err(Refused::malformed("this path takes no query"));
    }
    let headers = request.headers().clone();
    let body = if route.request.is_some() { read(request).await? } else { Bytes::new() };
    answer(&shared.app, route.endpoint, Call { parameter, query, body, headers, caller: ends.caller, ending: shared.ending.clone() }).await
}

/// The body, within its limits of size and time.
async fn read(request: Request<Incoming>) -> Result<Bytes> {
    let announced = request.headers().get(hyper::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = announced.filter(|length| *length > BODY_BYTES_MAX as u64) {
        return Err(Refused::too_large("body", length, BODY_BYTES_MAX as u64));
    }
    match tokio::time::timeout(BODY_PATIENCE, Limited::new(request.into_body(), BODY_BYTES_MAX).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refused::new(413, "oversized", format!("the body has more than the {BODY_BYTES_MAX} bytes that are taken"))),
        Ok(Err(_)) => Err(Refused::malformed("the body ended before its end")),
        Err(_) => Err(Refused::new(408, "too-slow", format!("the body took more than {} s", BODY_PATIENCE.as_secs()))),
    }
}
