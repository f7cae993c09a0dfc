//! Every reason that a verdict can give, with its stable code, its step and its axis (tables of spec/verdict.md).

use super::Axis;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident $code:literal step $step:expr, $axis:expr;)+) => {
        /// Why a verdict is not VERIFIED. The order of the variants is the order of the steps and of the rows in the spec.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $variant,)+ }

        impl Reason {
            /// The stable code: it keeps its meaning for ever.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The step in which it is found; `None` for reasons of an unchecked axis.
            pub fn step(self) -> Option<u8> {
                match self { $(Self::$variant => $step,)+ }
            }

            /// The axis that fails by it; `None` where no verdict follows.
            pub(super) fn axis(self) -> Option<Axis> {
                match self { $(Self::$variant => $axis,)+ }
            }
        }
    };
}

reasons!(
    /// Another sort of file.
    NotABundle "not-a-bundle" step Some(1), None;
    /// A bundle of an unknown version.
    UnsupportedVersion "unsupported-version" step Some(1), None;
    /// The parts, their order, number or size.
    MalformedBundle "malformed-bundle" step Some(2), Some(Axis::Integrity);
    /// A bundle of nothing.
    NoRecords "no-records" step Some(2), Some(Axis::Integrity);
    /// Bytes that are not a record.
    MalformedRecord "malformed-record" step Some(3), Some(Axis::Integrity);
    /// A kind whose meaning this version does not know.
    UnsupportedKind "unsupported-kind" step Some(3), None;
    /// A critical extension that this version does not know.
    UnsupportedExtension "unsupported-extension" step Some(3), None;
    /// A record of another log.
    LogId "log-id" step Some(4), Some(Axis::Integrity);
    /// Genesis elsewhere than at 0, or something else there.
    Genesis "genesis" step Some(4), Some(Axis::Integrity);
    /// A record out of its place.
    Index "index" step Some(5), Some(Axis::Integrity);
    /// The chain is broken.
    Prev "prev" step Some(6), Some(Axis::Integrity);
    /// A record after the log was closed.
    AfterTerminal "after-terminal" step Some(7), Some(Axis::Integrity);
    /// An outcome without an open intent before it.
    PairingOrder "pairing-order" step Some(8), Some(Axis::Pairing);
    /// More open intents than a verifier keeps.
    TooManyOpen "too-many-open" step Some(9), Some(Axis::Pairing);
    /// A seal that does not say what lies before it.
    Seal "seal" step Some(10), Some(Axis::Integrity);
    /// A signature missing or one too many.
    SigningMode "signing-mode" step Some(11), Some(Axis::Authenticity);
    /// A signature in another form than the one.
    MalformedSignature "malformed-signature" step Some(12), Some(Axis::Authenticity);
    /// A record by a key that is not trusted.
    UnknownKey "unknown-key" step Some(13), Some(Axis::Authenticity);
    /// A signature that does not verify.
    Signature "signature" step Some(14), Some(Axis::Authenticity);
    /// An opening that does not fit its commitment.
    Opening "opening" step Some(15), Some(Axis::Disclosure);
    /// Genesis names another key.
    GenesisKey "genesis-key" step Some(16), Some(Axis::Authenticity);
    /// A rotation or revocation that says nothing, or something of a key that the log never had.
    KeyEvent "key-event" step Some(16), Some(Axis::Authenticity);
    /// Keys that no event put in force, or events without genesis.
    KeyHistory "key-history" step Some(16), Some(Axis::Authenticity);
    /// A new key that was not committed.
    PreRotation "pre-rotation" step Some(16), Some(Axis::Authenticity);
    /// A new key that did not sign.
    RotationProof "rotation-proof" step Some(16), Some(Axis::Authenticity);
    /// An erasure that does not say of what.
    Erase "erase" step Some(16), Some(Axis::Integrity);
    /// A time that what the verifier kept contradicts.
    TimeBounds "time-bounds" step Some(16), Some(Axis::Time);
    /// Not a checkpoint.
    MalformedCheckpoint "malformed-checkpoint" step Some(17), Some(Axis::Inclusion);
    /// A checkpoint of another log.
    CheckpointOrigin "checkpoint-origin" step Some(17), Some(Axis::Inclusion);
    /// A checkpoint by another key.
    CheckpointKey "checkpoint-key" step Some(17), Some(Axis::Authenticity);
    /// The records do not give the checkpoint's root.
    Root "root" step Some(18), Some(Axis::Inclusion);
    /// A key event that is not in the checkpoint's tree.
    EventPath "event-path" step Some(18), Some(Axis::Inclusion);
    /// The checkpoint's signature does not verify.
    CheckpointSignature "checkpoint-signature" step Some(19), Some(Axis::Authenticity);
    /// A settlement that is no light proof.
    MalformedLightProof "malformed-light-proof" step Some(20), Some(Axis::Completeness);
    /// A settlement whose genesis head is not of its form.
    MalformedGenesis "malformed-genesis" step Some(20), Some(Axis::Completeness);
    /// A settlement on a chain whose rules are outside their bounds.
    GenesisParams "genesis-params" step Some(20), Some(Axis::Completeness);
    /// A settlement on a chain of more or less than there is.
    GenesisSum "genesis-sum" step Some(20), Some(Axis::Completeness);
    /// A settlement with a header that is not of its form.
    MalformedHeader "malformed-header" step Some(20), Some(Axis::Completeness);
    /// A settlement with a certificate that is not of its form, or of other seats than its set has.
    MalformedCertificate "malformed-certificate" step Some(20), Some(Axis::Completeness);
    /// A settlement with a set of validators that is not of its form.
    MalformedValidators "malformed-validators" step Some(20), Some(Axis::Completeness);
    /// A settlement with an entry that is not of its form.
    MalformedEntry "malformed-entry" step Some(20), Some(Axis::Completeness);
    /// A settlement with a header of another chain.
    Chain "chain" step Some(20), Some(Axis::Completeness);
    /// A settlement with a header out of its place.
    Height "height" step Some(20), Some(Axis::Completeness);
    /// A settlement with a forged set of validators.
    ValidatorSet "validator-set" step Some(20), Some(Axis::Completeness);
    /// A settlement with a certificate of a round that its header cannot have.
    Round "round" step Some(20), Some(Axis::Completeness);
    /// A settlement with a certificate of too few validators.
    Quorum "quorum" step Some(20), Some(Axis::Completeness);
    /// A settlement with a vote that does not verify.
    VoteSignature "vote-signature" step Some(20), Some(Axis::Completeness);
    /// A settlement whose entry is not in the state that was certified.
    StateRoot "state-root" step Some(20), Some(Axis::Completeness);
    /// A settlement of something else than the log's newest checkpoint, or out of order.
    Settlement "settlement" step Some(20), Some(Axis::Completeness);
    /// Fewer records than the reference covers.
    Truncated "truncated" step Some(20), Some(Axis::Completeness);
    /// Other records than the reference covers.
    Fork "fork" step Some(20), Some(Axis::Consistency);
    /// Records signed by a revoked key.
    Revoked "revoked" step None, None;
    /// The key came with the bundle.
    SelfAssertedKey "self-asserted-key" step None, None;
    /// A revocation by a key of which the bundle does not show that it may.
    RevocationUnproven "revocation-unproven" step None, None;
    /// The bundle holds a part of the log.
    Partial "partial" step None, None;
    /// No reference says how many records there should be.
    CompletenessUnwitnessed "completeness-unwitnessed" step None, None;
    /// The bundle goes on after the reference.
    AfterReference "after-reference" step None, None;
    /// Time is what the operator says.
    OperatorClaimed "operator-claimed" step None, None;
    /// The newest record is older than the verifier allows.
    TooOld "too-old" step None, None;
    /// Intents without an outcome.
    OpenIntents "open-intents" step None, None;
    /// Something failed before.
    NotReached "not-reached" step None, None;
);

impl Reason {
    /// No verdict can be given (exit 4).
    pub(super) fn is_unsupported(self) -> bool {
        matches!(self, Self::NotABundle | Self::UnsupportedVersion | Self::UnsupportedKind | Self::UnsupportedExtension)
    }
}

/// What failed, and at which record. Ordered as the spec says which of two is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// The record's index; after the last record for the checkpoint and the reference.
    pub index: u64,
    /// The reason.
    pub reason: Reason,
}
