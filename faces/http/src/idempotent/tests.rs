//! What is noted of an answer that comes in pieces.

use super::*;

/// Gives so many pieces, each of 1 MiB.
struct Mebibytes(usize);

impl Pieces for Mebibytes {
    fn next(&mut self, _: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(vec![0_u8; 1 << 20].into()))
    }

    fn is_whole(&self) -> bool {
        self.0 == 0
    }
}

/// Each holds its request, and may outlive its connection.
#[test]
fn no_more_keys_are_answered_than_there_may_be_connections() {
    let answering = Idempotent::default();
    let key = |number: u64| Key(std::array::from_fn(|place| number.to_be_bytes()[place % 8]));
    let refused = |number: u64| answering.take(key(number)).err().map(|refused| (refused.status, refused.code));
    let count = CONNECTIONS_MAX as u64;
    let mut turns: Vec<Turn> = (0..count).map(|number| answering.take(key(number)).unwrap()).collect();
    assert_eq!(refused(0), Some((409, Some("idempotency_key_in_use"))));
    assert_eq!(refused(count), Some((429, Some("queue_full"))));
    drop(turns.pop());
    assert_eq!(refused(count), None);
}

#[test]
fn no_more_is_noted_than_can_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::of_test(&folder.path().join("home"));
    let key = Key([7; 32]);
    let fitting = ANSWER_BYTES_MAX >> 20;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut context = Context::from_waker(Waker::noop());
        let turn = app.idempotent.take(key).unwrap();
        let keeping = Keeping { app: app.clone(), begun: Arc::default(), told: 0, content_type: String::new(), turn };
        let mut noted = Noted { pieces: Box::new(Mebibytes(fitting + 2)), keeping: Some(keeping), bytes: Some(Vec::new()), last: None };
        for count in 1..fitting + 2 {
            assert!(noted.next(&mut context).is_ready());
            assert_eq!(noted.bytes.as_ref().map(Vec::len), (count <= fitting).then_some(count << 20));
            assert!(app.idempotent.take(key).is_err());
        }
        // The last leaves at once, because nothing is kept.
        assert!(matches!(noted.next(&mut context), Poll::Ready(Some(_))));
        assert!(noted.keeping.is_none() && noted.last.is_none());
        assert!(app.idempotent.take(key).is_ok());
    });
}
