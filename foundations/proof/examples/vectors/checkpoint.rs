//! Checkpoints: the note's form byte by byte, then its names, then its signature.

use crate::Files;
use crate::common::Signer;
use crate::common::vector::{CheckpointExpect, CheckpointVector, judge_checkpoint};
use crate::record::log;
use crate::surgery;
use base64ct::{Base64, Encoding};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{LogId, TreeHash};
use mickai_proof::limits;

pub fn write(files: &mut Files) {
    let log = log();
    let made = Made { signer: log.signer.clone(), log: log.id, good: log.checkpoint(3), note: log.note(3) };
    made.accept(files, "size-3", "a log of three records", made.good);
    made.accept(files, "size-1", "a log of its genesis alone", log.checkpoint(1));
    made.accept(files, "size-largest", "the largest size", Checkpoint { size: limits::INDEX_MAX, ..made.good });
    made.accept(files, "root-zero", "a root that nobody has found the leaves of: a note claims it all the same", Checkpoint { root: TreeHash([0; 32]), ..made.good });
    for (name, why, note) in made.text_lines().into_iter().chain(made.line_ends()).chain(made.signature_line()) {
        made.reject(files, name, why, &note, "malformed-checkpoint");
    }
    made.names(files);
    made.signatures(files);
}

struct Made {
    signer: Signer,
    log: LogId,
    good: Checkpoint,
    note: String,
}

type Notes = Vec<(&'static str, &'static str, String)>;

impl Made {
    fn accept(&self, files: &mut Files, name: &str, why: &str, checkpoint: Checkpoint) {
        let expect = CheckpointExpect { ok: true, size: Some(checkpoint.size), root: Some(checkpoint.root.to_string()), reason: None };
        self.write(files, name, why, &self.signer.sign_checkpoint(&checkpoint), expect);
    }

    fn reject(&self, files: &mut Files, name: &str, why: &str, note: &str, reason: &str) {
        self.write(files, name, why, note, CheckpointExpect { reason: Some(reason.to_owned()), ..CheckpointExpect::default() });
    }

    fn write(&self, files: &mut Files, name: &str, why: &str, note: &str, expect: CheckpointExpect) {
        if !files.agrees(name, &judge_checkpoint(note, &self.signer.key, self.log), &expect) {
            return;
        }
        let vector = CheckpointVector { name: name.to_owned(), why: why.to_owned(), note: note.to_owned(), key: self.signer.key.to_pem(), log: self.log.to_string(), expect };
        files.vector("checkpoint", vector.expect.ok, name, &vector);
    }

    /// The good note with its first `from` replaced; it must be there.
    fn with(&self, from: &str, to: &str) -> String {
        assert!(self.note.contains(from), "{from:?}");
        self.note.replacen(from, to, 1)
    }

    /// A note with a good signature over a text that is not of the form.
    fn signed(&self, text: &str) -> String {
        let signature = self.signer.sign(text.as_bytes());
        let (_, line) = self.good.to_note(&self.signer.key, &signature).split_once("\n\n").map(|(text, line)| (text.to_owned(), line.to_owned())).unwrap();
        format!("{text}\n{line}")
    }

    fn root(&self) -> String {
        Base64::encode_string(&self.good.root.0)
    }

    fn text_with(&self, origin: &str, size: &str, root: &str) -> String {
        self.signed(&format!("{origin}\n{size}\n{root}\n"))
    }

    fn text_lines(&self) -> Notes {
        let origin = format!("mickai.log/{}", self.log);
        let root = self.root();
        let size = |size| self.text_with(&origin, size, &root);
        let rooted = |root: &str| self.text_with(&origin, "3", root);
        let last = root.as_bytes()[42];
        // The last character carries four bits and two of padding: the next one in the alphabet differs in the padding alone.
        let loose = format!("{}{}=", &root[..42], char::from(last + 1));
        let upper = format!("mickai.log/{}", self.log.to_string().to_uppercase());
        vec![
            ("size-0", "a size of 0", size("0")),
            ("size-leading-zero", "a size with a leading zero", size("03")),
            ("size-plus", "a size with a sign", size("+3")),
            ("size-hex", "a size that is not decimal", size("0x3")),
            ("size-blank", "a size after a blank", size(" 3")),
            ("size-empty", "no digits", size("")),
            ("size-arabic", "digits that are not ASCII", size("\u{663}")),
            ("size-2-53", "a size above 2^53−1", size("9007199254740992")),
            ("size-2-64", "a size that overflows 64 bits", size("18446744073709551619")),
            ("root-pad-bits", "bits set in the root's padding: another text for the same bytes", rooted(&loose)),
            ("root-no-padding", "a root without its padding", rooted(&root[..43])),
            ("root-short", "a root of 31 bytes", rooted(&Base64::encode_string(&self.good.root.0[..31]))),
            ("root-long", "a root of 33 bytes", rooted(&Base64::encode_string(&[&self.good.root.0[..], &[0]].concat()))),
            ("root-url-alphabet", "a root in the URL alphabet", rooted(&format!("-_{}", &root[2..]))),
            ("root-hex", "a root in hex", rooted(&self.good.root.to_string())),
            ("root-blank", "a blank after the root", rooted(&format!("{root} "))),
            ("origin-upper", "a log id in capitals", self.text_with(&upper, "3", &root).replace(&format!("\u{2014} {origin}"), &format!("\u{2014} {upper}"))),
            ("origin-prefix", "another prefix", self.note.replace("mickai.log/", "mickai.org/")),
            ("origin-short", "a log id of 31 bytes", self.note.replace(&origin, &origin[..origin.len() - 2])),
            ("line-extra", "a fourth line of text, signed", self.signed(&format!("{}anything\n", self.good.text()))),
            ("line-missing", "no root, signed", self.signed(&format!("{origin}\n3\n"))),
        ]
    }

    fn line_ends(&self) -> Notes {
        vec![
            ("empty", "no text", String::new()),
            ("text-alone", "the text without a signature", self.good.text()),
            ("crlf", "lines that end in CR LF", self.note.replace('\n', "\r\n")),
            ("last-lf-missing", "no LF at the end", self.note.trim_end().to_owned()),
            ("last-lf-twice", "an empty line at the end", format!("{}\n", self.note)),
            ("first-lf", "an empty line at the beginning", format!("\n{}", self.note)),
            ("byte-order-mark", "a byte order mark", format!("\u{feff}{}", self.note)),
            ("empty-line-missing", "no empty line", self.with("\n\n", "\n")),
            ("empty-line-twice", "two empty lines", self.with("\n\n", "\n\n\n")),
            ("long", "more than 8,192 bytes", format!("{}{}", self.note, "\u{2014} x y\n".repeat(600))),
        ]
    }

    fn signature_line(&self) -> Notes {
        let (text, line) = self.note.split_once("\n\n").unwrap();
        let blob = Base64::decode_vec(line.trim_end().rsplit_once(' ').unwrap().1).unwrap();
        let with_blob = |blob: &[u8]| format!("{text}\n\n\u{2014} mickai.log/{} {}\n", self.log, Base64::encode_string(blob));
        // 3,313 bytes end in one byte of two characters: four bits of padding.
        let loose = self.note.trim_end().trim_end_matches('=');
        let (start, last) = loose.split_at(loose.len() - 1);
        let loose = format!("{start}{}==\n", char::from(last.as_bytes()[0] + 1));
        vec![
            ("signature-twice", "a second signature line, the same", format!("{}{line}", self.note)),
            ("signature-other", "a second signature line of another kind", format!("{}\u{2014} witness.example AAAA\n", self.note)),
            ("signature-pad-bits", "bits set in the signature's padding", loose),
            ("signature-no-padding", "a signature without its padding", format!("{}\n", self.note.trim_end().trim_end_matches('='))),
            ("signature-short", "a signature of 3,308 bytes", with_blob(&blob[..blob.len() - 1])),
            ("signature-long", "a signature of 3,310 bytes", with_blob(&[&blob[..], &[0]].concat())),
            ("signature-hash-alone", "a key hash without a signature", with_blob(&blob[..4])),
            ("signature-blank", "a blank after the signature", format!("{} \n", self.note.trim_end())),
            ("dash-hyphen", "a hyphen where the dash belongs", self.with("\u{2014} ", "- ")),
            ("dash-en", "an en dash", self.with("\u{2014}", "\u{2013}")),
            ("dash-two-blanks", "two blanks after the dash", self.with("\u{2014} ", "\u{2014}  ")),
            (
                "names-differ",
                "the signature line names another log than the text",
                self.with(&format!("\u{2014} mickai.log/{}", self.log), &format!("\u{2014} mickai.log/{}", LogId([0xee; 32]))),
            ),
        ]
    }

    fn names(&self, files: &mut Files) {
        let other_log = Checkpoint { log: LogId([0xee; 32]), ..self.good };
        self.reject(files, "other-log", "a good checkpoint of another log by the same key", &self.signer.sign_checkpoint(&other_log), "checkpoint-origin");
        let thief = Signer::from_seed(2);
        self.reject(files, "other-key", "a good checkpoint by another key", &thief.sign_checkpoint(&self.good), "checkpoint-key");
        let stolen = self.good.to_note(&thief.key, &self.signer.sign(self.good.text().as_bytes()));
        self.reject(files, "other-key-hash", "the right signature under another key's hash", &stolen, "checkpoint-key");
        let borrowed = self.good.to_note(&self.signer.key, &thief.sign(self.good.text().as_bytes()));
        self.reject(files, "other-signer", "another key's signature under the right key's hash", &borrowed, "checkpoint-signature");
        let both = thief.sign_checkpoint(&other_log);
        self.reject(files, "other-log-and-key", "another log is named before another key", &both, "checkpoint-origin");
    }

    fn signatures(&self, files: &mut Files) {
        let signature = self.signer.sign(self.good.text().as_bytes());
        let mut flipped = signature;
        flipped[1_000] ^= 1;
        let mut reject = |name, why, checkpoint: Checkpoint, signature| {
            self.reject(files, name, why, &checkpoint.to_note(&self.signer.key, signature), "checkpoint-signature");
        };
        reject("signature-flipped", "a bit of the signature flipped", self.good, &flipped);
        reject("signature-zero", "3,309 zero bytes", self.good, &[0; 3_309]);
        reject("signed-other-size", "the size changed after signing", Checkpoint { size: 2, ..self.good }, &signature);
        reject("signed-other-root", "the root changed after signing", Checkpoint { root: TreeHash([1; 32]), ..self.good }, &signature);
        let without_lf = self.signer.sign(self.good.text().trim_end().as_bytes());
        reject("signed-without-lf", "the last LF was not signed", self.good, &without_lf);
        // Each size is another text, and so another signature: one of them leaves room for another hint.
        let sized: Vec<_> = (1..50).map(|size| Checkpoint { size, ..self.good }).collect();
        let texts: Vec<_> = sized.iter().map(|checkpoint| checkpoint.text().into_bytes()).collect();
        let (number, repeated) = surgery::repeat_hint(&self.signer, &texts);
        reject("hint-repeated", "a hint written twice: FIPS 204 wants one signature for one set of hints", sized[number], &repeated);
        let padded = sized.iter().find_map(|checkpoint| Some((*checkpoint, surgery::with_hint_padding(self.signer.sign(checkpoint.text().as_bytes()))?)));
        let (checkpoint, padded) = padded.unwrap();
        reject("hint-padding", "a byte that no hint uses is not zero", checkpoint, &padded);
    }
}
