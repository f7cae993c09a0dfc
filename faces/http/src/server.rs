//! Connections: accepted, checked, answered; and an end that lets what runs be recorded.

use crate::app::App;
use crate::call::{Call, Waits};
use crate::error::Error;
use crate::files;
use crate::guard;
use crate::idempotent::{self, IDEMPOTENCY_KEY};
use crate::limits::{BODY_BYTES_MAX, BODY_PATIENCE, FAREWELL, HANDSHAKE_PATIENCE, HEAD_BYTES_MAX, HEAD_PATIENCE, WRITE_PATIENCE};
use crate::patient::Patient;
use crate::refused::{Refused, Result};
use crate::reply::{Body, Reply};
use crate::routes::{self, Found, Route};
use crate::tls;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderName;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use mickai_runtime::Key;
use mickai_runtime::serve::limits::REQUEST_BYTES_MAX;
use mickai_runtime::serve::{Caller, Gone};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// What is not known in a request is an error.
const STRICT: HeaderName = HeaderName::from_static("mickai-strict");

/// How a connection begins, and what is expected of its client from then on.
#[derive(Clone)]
struct Greeting {
    acceptor: Option<TlsAcceptor>,
    /// How long a write may make no progress.
    patience: Duration,
}

/// Serves until SIGINT or SIGTERM; `ready` is told the address once it listens. Gives how many connections were cut off, because their answers took longer than a server that ends waits.
///
/// # Errors
/// An address that cannot be listened on, or that others could reach without keys and TLS; files of TLS.
pub fn serve(app: &Arc<App>, ready: impl FnOnce(SocketAddr)) -> std::result::Result<usize, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let done = runtime.block_on(run(app, ready));
    runtime.shutdown_timeout(FAREWELL);
    done
}

async fn run(app: &Arc<App>, ready: impl FnOnce(SocketAddr)) -> std::result::Result<usize, Error> {
    let address = app.options.address;
    if !address.ip().is_loopback() && (app.options.keys.is_empty() || app.options.tls.is_none()) {
        return Err(Error::Exposed(address));
    }
    let acceptor = app.options.tls.as_ref().map(|(certificates, key)| tls::acceptor(certificates, key)).transpose()?;
    let greeting = Greeting { acceptor, patience: WRITE_PATIENCE };
    let mut interrupted = signal(SignalKind::interrupt()).map_err(Error::Runtime)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(Error::Runtime)?;
    let listening = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listening)?;
    ready(listener.local_addr().map_err(listening)?);
    let (end, ending) = watch::channel(false);
    let place_count = files::connection_count_max();
    let places = Arc::new(Semaphore::new(place_count));
    {
        // Dropped with the place that it holds for the next connection.
        let mut accepting = std::pin::pin!(accept(app, &listener, &greeting, &places, &ending));
        std::future::poll_fn(|context| {
            let is_over = interrupted.poll_recv(context).is_ready() || terminated.poll_recv(context).is_ready() || accepting.as_mut().poll(context).is_ready();
            if is_over { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
    // Nothing more begins; whoever is being answered may have the end of it.
    app.desk().close();
    let _ = end.send(true);
    let _ = tokio::time::timeout(FAREWELL, places.acquire_many(u32::try_from(place_count).unwrap_or(u32::MAX))).await;
    Ok(place_count - places.available_permits())
}

/// Takes connections, as many at a time as there are places.
async fn accept(app: &Arc<App>, listener: &TcpListener, greeting: &Greeting, places: &Arc<Semaphore>, ending: &watch::Receiver<bool>) {
    while let Ok(place) = places.clone().acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files, most likely: others must end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (app, greeting, ending) = (app.clone(), greeting.clone(), ending.clone());
        tokio::spawn(async move {
            let _counted = app.metrics.connection();
            greet(&app, stream, greeting, ending).await;
            drop(place);
        });
    }
}

async fn greet(app: &Arc<App>, stream: TcpStream, Greeting { acceptor, patience }: Greeting, ending: watch::Receiver<bool>) {
    let Ok(called) = stream.local_addr() else { return };
    // Events are small and wanted at once.
    let _ = stream.set_nodelay(true);
    // Below TLS, where progress is what the socket takes.
    let stream = Patient::new(stream, patience);
    match acceptor {
        None => talk(app, stream, called, ending).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await {
                talk(app, stream, called, ending).await;
            }
        }
    }
}

/// One connection, to its end or that of the server.
async fn talk(app: &Arc<App>, stream: impl AsyncRead + AsyncWrite + Unpin, called: SocketAddr, mut ending: watch::Receiver<bool>) {
    let connection = app.next_connection();
    let service = service_fn(|request| async move { Ok::<_, Infallible>(respond(app, request, called, connection).await) });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_buf_size(HEAD_BYTES_MAX);
    let served = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    // One future from the beginning: one that is made for each look wakes nobody.
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

async fn respond(app: &Arc<App>, request: Request<Incoming>, called: SocketAddr, connection: Caller) -> Response<Body> {
    let found = routes::find(request.method().as_str(), request.uri().path());
    let (route, parameter) = match found {
        Found::Route(route, parameter) => (route, parameter),
        Found::Methods(methods) => {
            let refused = Refused::new(405, "invalid_request_error", Some("method_not_allowed"), format!("this path takes {}", methods.join(", ")));
            app.metrics.answered("", refused.status);
            return Reply::refused(&refused, &refused.envelope()).with("allow", &methods.join(", ")).into_response();
        }
        Found::Nothing => {
            let refused = Refused::missing("such path");
            app.metrics.answered("", refused.status);
            return Reply::refused(&refused, &refused.envelope()).into_response();
        }
    };
    let envelope = |refused: &Refused| if route.is_ollama { refused.ollama() } else { refused.envelope() };
    let reply = answer(app, request, (called, connection), route, parameter).await.unwrap_or_else(|refused| Reply::refused(&refused, &envelope(&refused)));
    app.metrics.answered(route.path, reply.status());
    reply.into_response()
}

async fn answer(app: &Arc<App>, request: Request<Incoming>, (called, connection): (SocketAddr, Caller), route: &'static Route, parameter: String) -> Result<Reply> {
    let headers = request.headers();
    guard::check_place(headers, called, app)?;
    let caller = if route.is_open { connection } else { guard::check_key(headers, &app.options.keys, connection)? };
    if route.request.is_some() {
        guard::check_type(headers)?;
    }
    let is_strict = match guard::one(headers, &STRICT)? {
        None => app.options.is_strict,
        Some("true") => true,
        Some("false") => false,
        Some(other) => return Err(Refused::body(format!("the header {STRICT} is true or false, not {other:?}"))),
    };
    let key = guard::one(headers, &IDEMPOTENCY_KEY)?.map(str::to_owned).filter(|_| route.is_keyed);
    let query = request.uri().query().unwrap_or_default().to_owned();
    let bytes = if route.request.is_some() { read(request).await? } else { Bytes::new() };
    // No record could keep it, so nothing is made of it.
    if route.is_act && bytes.len() > REQUEST_BYTES_MAX {
        return Err(Refused::too_large("body", bytes.len() as u64, REQUEST_BYTES_MAX as u64));
    }
    // Without keys all callers are one operator's, and who asks again does so on another connection.
    let owner = if app.options.keys.is_empty() { Caller(0) } else { caller };
    let key = key.map(|key| idempotent::id(&key, owner, route.path)).transpose()?;
    let call = Call { app: app.clone(), caller, bytes, parameter, query, is_strict, key, begun: Arc::default(), gone: Gone::default(), checked: Mutex::default() };
    match key {
        Some(key) => answer_once(route, call, key).await,
        None => answer_at(route, &call).await,
    }
}

/// Answers a request with a key, in a task that outlives its connection: whoever goes away stops what runs, and an answer that was there by then is kept for when they ask again.
async fn answer_once(route: &'static Route, call: Call, key: Key) -> Result<Reply> {
    let turn = call.app.idempotent.take(key)?;
    let waits = Waits::new(call.gone.clone());
    let answering = tokio::spawn(async move {
        match idempotent::replayed(&call, key).await? {
            Some(reply) => Ok(reply),
            None => idempotent::keep(&call, turn, answer_at(route, &call).await?).await,
        }
    });
    let answered = answering.await.unwrap_or_else(|_| Err(Refused::internal()));
    waits.answered();
    answered
}

/// Answers by a route; a refusal after an act has begun names its record.
async fn answer_at(route: &Route, call: &Call) -> Result<Reply> {
    // What is no act takes its body apart by itself.
    if let Some(shape) = route.request.filter(|_| route.is_act) {
        call.read(shape).await?;
    }
    let answered = routes::answer(route.endpoint, call).await;
    answered.map_err(|refused| {
        let begun = call.begun.lock().unwrap_or_else(PoisonError::into_inner);
        Refused { intent: begun.iter().min_by_key(|intent| intent.index).map(|intent| Box::new(*intent)), ..refused }
    })
}

/// The body, within its limits of size and time.
async fn read(request: Request<Incoming>) -> Result<Bytes> {
    let announced = request.headers().get(hyper::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = announced.filter(|length| *length > BODY_BYTES_MAX as u64) {
        return Err(Refused::too_large("body", length, BODY_BYTES_MAX as u64));
    }
    let collected = tokio::time::timeout(BODY_PATIENCE, Limited::new(request.into_body(), BODY_BYTES_MAX).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Refused::new(413, "invalid_request_error", Some("too_large"), format!("the body has more than the {BODY_BYTES_MAX} bytes that are taken")))
        }
        Ok(Err(_)) => Err(Refused::body("the body ended before its end")),
        Err(_) => Err(Refused::new(408, "invalid_request_error", Some("too_slow"), format!("the body took more than {} s", BODY_PATIENCE.as_secs()))),
    }
}

#[cfg(test)]
mod tests;
