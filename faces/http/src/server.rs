//! Connections: accepted, checked, answered; and an end that lets what runs be recorded.

use crate::app::App;
use crate::body::{self, Arriving};
use crate::call::{Call, Waits};
use crate::error::Error;
use crate::files;
use crate::guard;
use crate::idempotent::{self, IDEMPOTENCY_KEY};
use crate::limits::{BODY_BYTES_MAX, FAREWELL, HANDSHAKE_PATIENCE, HEAD_BYTES_MAX, HEAD_PATIENCE, PASSING_BYTES_MAX, PASSING_UNKNOWN_BYTES_MAX, WRITE_PATIENCE};
use crate::patient::Patient;
use crate::refused::{Refused, Result};
use crate::reply::{Body, Reply};
use crate::routes::{self, Found, Route};
use crate::socket;
use crate::tls;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{EXPECT, HeaderName};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use mickai_runtime::Key;
use mickai_runtime::serve::limits::REQUEST_BYTES_MAX;
use mickai_runtime::serve::{Caller, Gone};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
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
    /// How long the rest of a body that was refused may take.
    passing: body::Patience,
}

/// What is left of a body, on its way past.
type Passing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One connection while requests come over it.
struct Line {
    /// The address that was called.
    called: SocketAddr,
    /// Who calls, where no key says it.
    connection: Caller,
    /// As long as something is to be stopped when its client leaves.
    is_answering: AtomicBool,
    /// One at a time: nothing behind it is read before its end.
    passing: Mutex<Option<Passing>>,
    patience: body::Patience,
    ending: watch::Receiver<bool>,
}

impl Line {
    /// Lets the rest of a body pass that was answered by less than the whole of it: its client may still be sending it. Where it is left, and where nobody knows whose it is, the answer says that the connection ends.
    fn let_pass(&self, reply: Reply, head: &Parts, body: Arriving<Incoming>, is_known: bool) -> Reply {
        if body.is_end_stream() {
            return reply;
        }
        let byte_count_max = if is_known { PASSING_BYTES_MAX } else { PASSING_UNKNOWN_BYTES_MAX };
        // Of what waits for a word that is not said nothing comes, and of what announces more there is no end to be seen.
        let is_left = (waits_for_a_word(head) && !body.is_begun()) || body.size_hint().lower() > byte_count_max;
        if !is_left {
            *self.passing.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::pin(body::let_pass(body, byte_count_max, self.patience, self.ending.clone())));
        }
        if is_left || !is_known { reply.with("connection", "close") } else { reply }
    }

    /// Is anything on its way past?
    fn is_passing(&self) -> bool {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Lets pass what has come by now; whether that was the end of it.
    fn has_passed(&self, context: &mut Context<'_>) -> bool {
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        let has_passed = passing.as_mut().is_some_and(|passing| passing.as_mut().poll(context).is_ready());
        if has_passed {
            *passing = None;
        }
        has_passed
    }
}

/// Serves until SIGINT or SIGTERM; `ready` is told the address once it listens. Gives how many connections were cut off, because their answers took longer than a server that ends waits.
///
/// # Errors
/// An address that cannot be listened on, or that others could reach without keys and TLS; files of TLS.
pub fn serve(app: &Arc<App>, ready: impl FnOnce(SocketAddr)) -> std::result::Result<usize, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(app.places.thread_count).enable_all().build().map_err(Error::Runtime)?;
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
    let greeting = Greeting { acceptor, patience: WRITE_PATIENCE, passing: body::Patience::default() };
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
            if is_over { Poll::Ready(()) } else { Poll::Pending }
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

async fn greet(app: &Arc<App>, stream: TcpStream, Greeting { acceptor, patience, passing }: Greeting, ending: watch::Receiver<bool>) {
    let Ok(called) = stream.local_addr() else { return };
    // Events are small and wanted at once.
    let _ = stream.set_nodelay(true);
    socket::ask_after(&stream);
    // Below TLS, where progress is what the socket takes, and its end is the client's.
    let (stream, left) = socket::watched(stream);
    let stream = Patient::new(stream, patience);
    let line = Line { called, connection: app.next_connection(), is_answering: AtomicBool::new(false), passing: Mutex::default(), patience: passing, ending };
    match acceptor {
        None => talk(app, stream, left, &line).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream)).await {
                talk(app, stream, left, &line).await;
            }
        }
    }
}

/// One connection, to its end or that of the server, or until its client has left while an answer is made for it.
async fn talk(app: &Arc<App>, stream: impl AsyncRead + AsyncWrite + Unpin, left: impl Future<Output = ()>, line: &Line) {
    let service = service_fn(|request| async move { Ok::<_, Infallible>(respond(app, request, line).await) });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_buf_size(HEAD_BYTES_MAX);
    let served = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    // One future from the beginning: one that is made for each look wakes nobody.
    let mut ending = line.ending.clone();
    let mut ended = std::pin::pin!(ending.wait_for(|is_ending| *is_ending));
    let mut left = std::pin::pin!(left);
    let (mut is_ending, mut is_told, mut has_left) = (false, false, false);
    std::future::poll_fn(|context| {
        is_ending = is_ending || ended.as_mut().poll(context).is_ready();
        let is_over = loop {
            // HTTP's reader would close at once on what is still on its way past, and the refusal would be lost with it.
            if is_ending && !is_told && !line.is_passing() {
                is_told = true;
                served.as_mut().graceful_shutdown();
            }
            // A broken connection is nobody's fault here.
            let is_over = served.as_mut().poll(context).is_ready();
            if is_over || !line.has_passed(context) {
                break is_over;
            }
        };
        // Between two requests HTTP's reader comes to the end by itself; while an answer is made it reads no further than the first bytes of the next one.
        has_left = has_left || left.as_mut().poll(context).is_ready();
        if is_over || (has_left && line.is_answering.load(Ordering::Relaxed)) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Answers a request.
async fn respond(app: &Arc<App>, request: Request<Incoming>, line: &Line) -> Response<Body> {
    line.is_answering.store(true, Ordering::Relaxed);
    let (head, body) = request.into_parts();
    let mut body = Arriving::new(body);
    let is_ollama = head.uri.path().starts_with("/api/");
    let refuse = |refused: &Refused| Reply::refused(refused, &if is_ollama { refused.ollama() } else { refused.envelope() });
    let mut is_known = false;
    let (path, reply) = match routes::find(head.method.as_str(), head.uri.path()) {
        Found::Route(route, parameter) => {
            let answered = match admitted(app, &head.headers, line, route) {
                Ok(caller) => {
                    // Where no key is needed anybody may call.
                    is_known = !route.is_open;
                    answer(app, &head, &mut body, caller, route, parameter).await
                }
                Err(refused) => Err(refused),
            };
            (route.path, answered.unwrap_or_else(|refused| refuse(&refused)))
        }
        Found::Methods(methods) => {
            let methods = methods.join(", ");
            let refused = Refused::new(405, "invalid_request_error", Some("method_not_allowed"), format!("this path takes {methods}"));
            ("", refuse(&refused).with("allow", &methods))
        }
        Found::Nothing => ("", refuse(&Refused::missing("such path"))),
    };
    app.metrics.answered(path, reply.status());
    let reply = line.let_pass(reply, &head, body, is_known);
    line.is_answering.store(matches!(reply.body, Body::Pieces(_)), Ordering::Relaxed);
    reply.into_response()
}

/// Does its client send the body only once it is told to (RFC 9110 §10.1.1)? As HTTP's reader has it: by the last of these headers, and not of an older version.
fn waits_for_a_word(head: &Parts) -> bool {
    let expected = head.headers.get_all(EXPECT).iter().next_back();
    head.version > Version::HTTP_10 && expected.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Whoever calls, if they may.
fn admitted(app: &App, headers: &HeaderMap, line: &Line, route: &Route) -> Result<Caller> {
    guard::check_place(headers, line.called, app)?;
    if route.is_open { Ok(line.connection) } else { guard::check_key(headers, &app.options.keys, line.connection) }
}

async fn answer(app: &Arc<App>, head: &Parts, body: &mut Arriving<Incoming>, caller: Caller, route: &'static Route, parameter: String) -> Result<Reply> {
    let headers = &head.headers;
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
    let query = head.uri.query().unwrap_or_default().to_owned();
    // What no record could keep is no act.
    let byte_count_max = if route.is_act { REQUEST_BYTES_MAX } else { BODY_BYTES_MAX };
    let bytes = if route.request.is_some() { app.bodies.read(body, byte_count_max, caller).await? } else { Bytes::new() };
    // Without keys all callers are one operator's, and who asks again does so on another connection.
    let owner = if app.options.keys.is_empty() { Caller(0) } else { caller };
    let key = key.map(|key| idempotent::id(&key, owner, route.path)).transpose()?;
    let bytes = Mutex::new(bytes);
    let call = Call { app: app.clone(), caller, bytes, parameter, query, is_strict, key, begun: Arc::default(), gone: Gone::default(), checked: Mutex::default() };
    match key {
        Some(key) => answer_once(route, call, key).await,
        None => answer_at(route, &call).await,
    }
}

/// Answers a request with a key, in a task that outlives its connection: whoever goes away stops what runs and what waits, and an answer that was there by then is kept for when they
/// ask again.
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

#[cfg(test)]
mod tests;
