//! Messages that an end refuses, each after honest ones.

use super::forge::{self, ACCEPT, DOMAIN, DiallerShares, HELLO, SMALL_ORDER, sha3_256};
use super::{Inputs, Messages, key, public, run, text};
use mickai_node::handshake::{Dialler, HandshakeError, Listener};
use serde_json::{Value, json};

/// What the vectors are cut from: one handshake, and the same by hand.
struct Bench {
    inputs: Inputs,
    honest: Messages,
    dialler: forge::Key,
    listener: forge::Key,
    shares: DiallerShares,
    files: Vec<Value>,
}

pub fn all() -> Vec<Value> {
    let inputs = Inputs::of("refused", 3);
    let (dialler, listener) = (forge::Key::new(inputs.dialler).with_rnd(inputs.dialler_rnd), forge::Key::new(inputs.listener).with_rnd(inputs.listener_rnd));
    let shares = DiallerShares::new(inputs.dialler_x25519, inputs.dialler_kem);
    let mut bench = Bench { honest: run(&inputs), inputs, dialler, listener, shares, files: Vec::new() };
    bench.by_hand_is_the_same();
    bench.challenges();
    bench.claims();
    bench.hello_signatures();
    bench.hello_shares();
    bench.accept_signatures();
    bench.accept_shares();
    bench.confirmations();
    bench.files
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

impl Bench {
    /// A message that the end refuses which it is sent to.
    fn refuse(&mut self, name: &str, why: &str, message: &str, bytes: Vec<u8>, code: &str) {
        let found = self.judge(message, &bytes).err().and_then(|error| error.code());
        assert_eq!(found, Some(code), "{name}");
        let mut file = self.inputs.json();
        let members = file.as_object_mut().unwrap();
        let sent = [("challenge", &self.honest.challenge), ("hello", &self.honest.hello), ("accept", &self.honest.accept)];
        for (before, bytes) in sent.into_iter().take_while(|(before, _)| *before != message) {
            members.insert(before.to_owned(), text(bytes).into());
        }
        let rest = json!({ "name": name, "why": why, "refused": message, message: text(&bytes), "reason": code });
        members.extend(rest.as_object().unwrap().clone());
        self.files.push(file);
    }

    fn judge(&self, message: &str, bytes: &[u8]) -> Result<(), HandshakeError> {
        let (dialler_key, listener_key) = (key(self.inputs.dialler), key(self.inputs.listener));
        let dialler = Dialler::new(&dialler_key, public(self.inputs.listener), &self.inputs.namespace)?;
        if message == "challenge" {
            return dialler.hello(bytes.try_into().unwrap(), self.inputs.dialler_random()).map(drop);
        }
        let (challenge, listener) = Listener::new(&listener_key, &self.inputs.namespace, self.inputs.listener_random());
        let judged = |hello: &[u8]| {
            let (claim, proof) = hello.split_first_chunk().unwrap();
            let peer = listener.claim(claim)?;
            listener.accept(&peer, proof.try_into().unwrap())
        };
        match message {
            "hello" => judged(bytes).map(drop),
            "accept" => dialler.hello(&challenge, self.inputs.dialler_random())?.1.confirm(bytes.try_into().unwrap()).map(drop),
            _ => judged(&self.honest.hello)?.1.session(bytes.try_into().unwrap()).map(drop),
        }
    }

    fn t1(&self) -> Vec<u8> {
        forge::t1(&self.inputs.namespace, &self.listener.public, &self.inputs.nonce, &self.dialler.public, &self.shares.x25519(), &self.shares.kem())
    }

    fn hello(&self, signature: &[u8]) -> Vec<u8> {
        forge::hello(&self.dialler.public, &self.shares.x25519(), &self.shares.kem(), signature)
    }

    /// A hello whose shares are these, honestly signed.
    fn hello_of(&self, x25519: &[u8], kem: &[u8]) -> Vec<u8> {
        let t1 = forge::t1(&self.inputs.namespace, &self.listener.public, &self.inputs.nonce, &self.dialler.public, x25519, kem);
        forge::hello(&self.dialler.public, x25519, kem, &self.dialler.sign(HELLO, sha3_256(&[&t1])))
    }

    fn t1_and_signature(&self) -> Vec<u8> {
        [&self.t1()[..], &self.honest.hello[3_185..]].concat()
    }

    fn answer(&self) -> (Vec<u8>, Vec<u8>, [u8; 32], [u8; 32]) {
        forge::answer(&self.shares.x25519(), &self.shares.kem(), self.inputs.listener_x25519, self.inputs.listener_kem)
    }

    /// Otherwise a wrong formula here would be what makes the vectors refused.
    fn by_hand_is_the_same(&self) {
        assert_eq!(self.hello(&self.dialler.sign(HELLO, sha3_256(&[&self.t1()]))), self.honest.hello);
        let (x25519, ciphertext, s_kem, s_x) = self.answer();
        let accept = forge::accept(&self.t1_and_signature(), &self.listener, ACCEPT, &x25519, &ciphertext, (&s_kem, &s_x));
        assert_eq!(accept, self.honest.accept);
        let secret = forge::secret(&[&self.t1_and_signature()[..], &accept[..4_429]].concat(), &s_kem, &s_x);
        assert_eq!(forge::confirmation(b"pan-dialler-v1\0", &secret), self.honest.confirm[..]);
        assert_eq!(forge::confirmation(b"pan-session-v1\0", &secret), self.honest.session);
    }

    fn challenges(&mut self) {
        let mut later = self.honest.challenge.clone();
        later[15] = b'2';
        self.refuse("challenge-version", "a challenge of another version", "challenge", later, "version");
        let banner = b"SSH-2.0-OpenSSH_10.0\r\nsomething else altogether!!!".get(..49).unwrap().to_vec();
        self.refuse("challenge-banner", "what another service says first", "challenge", banner, "version");
    }

    fn claims(&mut self) {
        let mut later = self.honest.hello.clone();
        later[15] = b'2';
        self.refuse("hello-version", "a hello of another version", "hello", later, "version");
        let own = [DOMAIN, &self.listener.public, &self.honest.hello[1_969..]].concat();
        self.refuse("hello-own-key", "a dialler that claims the listener's own key", "hello", own, "own-key");
        let other = forge::Key::new([9; 32]);
        let stolen = [DOMAIN, &other.public, &self.honest.hello[1_969..]].concat();
        self.refuse("hello-other-claim", "an honest hello under another claim", "hello", stolen, "signature");
    }

    fn hello_signatures(&mut self) {
        let honest = self.honest.hello.clone();
        for (name, why, at) in [
            ("hello-x25519-changed", "the X25519 share changed on the way", 1_969),
            ("hello-ml-kem-changed", "the ML-KEM key changed on the way", 2_001),
            ("hello-signature-changed", "the signature changed on the way", 3_185),
            ("hello-signature-end-changed", "its last byte changed on the way", 6_493),
        ] {
            self.refuse(name, why, "hello", flipped(&honest, at), "signature");
        }
        let zeros = self.hello(&[0; 3_309]);
        self.refuse("hello-zeros", "a signature of zeros", "hello", zeros, "signature");
        let Inputs { namespace, nonce, .. } = self.inputs.clone();
        let (x25519, kem) = (self.shares.x25519(), self.shares.kem());
        let other = forge::Key::new([9; 32]);
        let signed = |bench: &Self, by: &forge::Key, domain: &[u8], t1: Vec<u8>| bench.hello(&by.sign(domain, sha3_256(&[&t1])));

        let made = signed(self, &other, HELLO, self.t1());
        self.refuse("hello-other-signer", "signed by another key than the claimed", "hello", made, "signature");
        let made = signed(self, &self.dialler, ACCEPT, self.t1());
        self.refuse("hello-role", "signed as an accept", "hello", made, "signature");
        let made = signed(self, &self.dialler, HELLO, forge::t1(&namespace, &self.listener.public, &[7; 32], &self.dialler.public, &x25519, &kem));
        self.refuse("hello-replayed", "a hello that answered an earlier challenge", "hello", made, "signature");
        let made = signed(self, &self.dialler, HELLO, forge::t1(&namespace, &other.public, &nonce, &self.dialler.public, &x25519, &kem));
        self.refuse("hello-other-listener", "a hello that was meant for another listener", "hello", made, "signature");
        let chain = flipped(&namespace, 12);
        let made = signed(self, &self.dialler, HELLO, forge::t1(&chain, &self.listener.public, &nonce, &self.dialler.public, &x25519, &kem));
        self.refuse("hello-other-chain", "a hello for another chain", "hello", made, "signature");
        let made = signed(self, &self.dialler, HELLO, forge::t1(&namespace, &self.dialler.public, &nonce, &self.listener.public, &x25519, &kem));
        self.refuse("hello-swapped", "signed with the two identities exchanged", "hello", made, "signature");
        let made = self.hello(&self.dialler.sign_in_context(DOMAIN, HELLO, sha3_256(&[&self.t1()])));
        self.refuse("hello-context", "signed with a context string", "hello", made, "signature");
    }

    fn hello_shares(&mut self) {
        for (at, point) in SMALL_ORDER.iter().enumerate() {
            let made = self.hello_of(point, &self.shares.kem());
            self.refuse(&format!("hello-small-order-{at}"), "an X25519 share of small order, honestly signed", "hello", made, "share");
        }
        // Twelve bits a coefficient: the first becomes 4,095 and must be below 3,329.
        let mut kem = self.shares.kem();
        (kem[0], kem[1]) = (0xff, kem[1] | 0x0f);
        let made = self.hello_of(&self.shares.x25519(), &kem);
        self.refuse("hello-ml-kem-unreduced", "an ML-KEM key with a coefficient that is not reduced, honestly signed", "hello", made, "share");
        let made = self.hello_of(&self.shares.x25519(), &[0xff; 1_184]);
        self.refuse("hello-ml-kem-ones", "an ML-KEM key of ones, honestly signed", "hello", made, "share");
    }

    fn accept_signatures(&mut self) {
        let honest = self.honest.accept.clone();
        for (name, why, at, code) in [
            ("accept-x25519-changed", "the X25519 share changed on the way", 0, "signature"),
            ("accept-ml-kem-changed", "the ciphertext changed on the way", 32, "signature"),
            ("accept-signature-changed", "the signature changed on the way", 1_120, "signature"),
            ("accept-confirmation-changed", "the confirmation changed on the way", 4_460, "confirmation"),
        ] {
            self.refuse(name, why, "accept", flipped(&honest, at), code);
        }
        let (x25519, ciphertext, s_kem, s_x) = self.answer();
        let made =
            |bench: &Self, t1: &[u8], by: &forge::Key, domain: &[u8]| forge::accept(&[t1, &bench.honest.hello[3_185..]].concat(), by, domain, &x25519, &ciphertext, (&s_kem, &s_x));
        let other = forge::Key::new([9; 32]);
        let accept = made(self, &self.t1(), &other, ACCEPT);
        self.refuse("accept-other-signer", "signed by another key than the one that was dialled", "accept", accept, "signature");
        let accept = made(self, &self.t1(), &self.dialler, ACCEPT);
        self.refuse("accept-reflected", "signed by the dialler's own key", "accept", accept, "signature");
        let accept = made(self, &self.t1(), &self.listener, HELLO);
        self.refuse("accept-role", "signed as a hello", "accept", accept, "signature");
        let earlier = forge::t1(&self.inputs.namespace, &self.listener.public, &[7; 32], &self.dialler.public, &self.shares.x25519(), &self.shares.kem());
        let accept = made(self, &earlier, &self.listener, ACCEPT);
        self.refuse("accept-replayed", "an accept of an earlier handshake", "accept", accept, "signature");
    }

    fn accept_shares(&mut self) {
        let (x25519, ciphertext, s_kem, s_x) = self.answer();
        let before = self.t1_and_signature();
        for (at, point) in SMALL_ORDER.iter().enumerate() {
            let made = forge::accept(&before, &self.listener, ACCEPT, point, &ciphertext, (&s_kem, &[0; 32]));
            self.refuse(&format!("accept-small-order-{at}"), "an X25519 share of small order, honestly signed", "accept", made, "share");
        }
        let made = forge::accept(&before, &self.listener, ACCEPT, &x25519, &flipped(&ciphertext, 500), (&s_kem, &s_x));
        self.refuse("accept-other-ciphertext", "a ciphertext of another secret than the confirmation's, honestly signed", "accept", made, "confirmation");
        let made = forge::accept(&before, &self.listener, ACCEPT, &x25519, &ciphertext, (&s_kem, &[0; 32]));
        self.refuse("accept-without-x25519", "a confirmation of ML-KEM's secret alone", "accept", made, "confirmation");
        let made = forge::accept(&before, &self.listener, ACCEPT, &x25519, &ciphertext, (&[0; 32], &s_x));
        self.refuse("accept-without-ml-kem", "a confirmation of X25519's secret alone", "accept", made, "confirmation");
        let made = [&self.honest.accept[..4_429], &self.honest.confirm].concat();
        self.refuse("accept-dialler-confirmation", "the dialler's confirmation in the place of the listener's", "accept", made, "confirmation");
    }

    fn confirmations(&mut self) {
        let honest = self.honest.confirm.clone();
        self.refuse("confirm-changed", "the confirmation changed on the way", "confirm", flipped(&honest, 0), "confirmation");
        let echoed = self.honest.accept[4_429..].to_vec();
        self.refuse("confirm-reflected", "the listener's own confirmation", "confirm", echoed, "confirmation");
        self.refuse("confirm-session", "the session's bytes", "confirm", self.honest.session.to_vec(), "confirmation");
        self.refuse("confirm-zeros", "zeros", "confirm", vec![0; 32], "confirmation");
    }
}
