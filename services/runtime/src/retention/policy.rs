//! The policy as a value and as its one text: rules by label and action, and one for everything else.

use crate::acts::label::{erases, text_of};
use mickai_proof::digest::Id;
use mickai_proof::limits::LABEL_BYTES_MAX;
use std::collections::BTreeMap;
use std::fmt;

pub use super::span::Keep;

const TITLE: &str = "mickai-retention 1";
/// Rules of one policy: its text stays far below the limit of a record.
const RULES_MAX: usize = 64;

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How long.
    pub keep: Keep,
    /// May a model be trained on it?
    pub may_train: bool,
}

impl Rule {
    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self { keep: self.keep.min(other.keep), may_train: self.may_train && other.may_train }
    }
}

/// What a rule is about: values under a label, of records of an action; without either, of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// Under this label and that of its tokens.
    pub label: Option<String>,
    /// Of records of this action.
    pub action: Option<String>,
}

/// A retention policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Counts the changes.
    pub version: u64,
    /// Is it enforced at the start of every process that acts?
    pub is_automatic: bool,
    /// The rule for everything that no other is about.
    default: Rule,
    rules: BTreeMap<Scope, Rule>,
}

/// Why a policy cannot be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// A label or an action that is empty, too long, or has white space.
    Name(String),
    /// The tokens of a text follow the text's rule.
    Tokens(String),
    /// More rules than a policy has.
    TooMany,
    /// The rule for everything else cannot be removed.
    Default,
    /// There is no such rule.
    NoRule(Scope),
    /// Nothing was to be changed.
    NoChange,
}

impl Default for Retention {
    /// Everything is kept, nothing is trained on.
    fn default() -> Self {
        Self { version: 0, is_automatic: false, default: Rule { keep: Keep::Forever, may_train: false }, rules: BTreeMap::new() }
    }
}

impl Retention {
    /// Reads the text; only the one that [`Retention::text`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        (lines.next()? == TITLE).then_some(())?;
        let version = lines.next()?.strip_prefix("version ")?.parse().ok()?;
        let is_automatic = yes(lines.next()?.strip_prefix("automatic ")?)?;
        let (scope, default) = rule(lines.next()?)?;
        (scope == Scope::default()).then_some(())?;
        let rules = lines.map(rule).collect::<Option<BTreeMap<_, _>>>()?;
        let policy = Self { version, is_automatic, default, rules };
        (policy.rules.len() < RULES_MAX && policy.text() == text).then_some(policy)
    }

    /// The text: what is digested, recorded, and kept in the home.
    pub fn text(&self) -> String {
        let mut text = format!("{TITLE}\nversion {}\nautomatic {}\n", self.version, word(self.is_automatic));
        for (scope, rule) in self.rules() {
            text += &format!("keep {} train {}{scope}\n", rule.keep, word(rule.may_train));
        }
        text
    }

    /// Its digest (spec/record.md "Digests": policy).
    pub fn digest(&self) -> Id {
        Id::of_policy(self.text().as_bytes())
    }

    /// All rules, that for everything else first.
    pub fn rules(&self) -> impl Iterator<Item = (&Scope, &Rule)> {
        const EVERYTHING: &Scope = &Scope { label: None, action: None };
        std::iter::once((EVERYTHING, &self.default)).chain(&self.rules)
    }

    /// The rule for values under a label of records of an action: of those about it the one that names the label and the action, else the label, else the action, else that for everything.
    pub fn rule(&self, label: &str, action: &str) -> Rule {
        let label = text_of(label).unwrap_or(label);
        let of = |label: Option<&str>, action: Option<&str>| self.rules.get(&Scope { label: label.map(str::to_owned), action: action.map(str::to_owned) });
        let found = of(Some(label), Some(action)).or_else(|| of(Some(label), None)).or_else(|| of(None, Some(action)));
        *found.unwrap_or(&self.default)
    }

    /// The same in a record with all these labels: what goes with another of its values is kept no longer than that one, and trained on only where that one is.
    pub fn rule_among<'a>(&self, label: &str, action: &str, labels: impl Iterator<Item = &'a str>) -> Rule {
        labels.filter(|other| erases(other, label)).map(|other| self.rule(other, action)).fold(self.rule(label, action), Rule::and)
    }

    /// Does any rule end?
    pub fn forgets(&self) -> bool {
        self.rules().any(|(_, rule)| rule.keep != Keep::Forever)
    }

    /// Sets what is given of the rule for a scope; the rest is that of the rule which was about it before.
    pub(super) fn set(&mut self, scope: Scope, keep: Option<Keep>, may_train: Option<bool>) -> Result<(), PolicyError> {
        scope.check()?;
        let before = self.rule(scope.label.as_deref().unwrap_or_default(), scope.action.as_deref().unwrap_or_default());
        let rule = Rule { keep: keep.unwrap_or(before.keep), may_train: may_train.unwrap_or(before.may_train) };
        if scope == Scope::default() {
            self.default = rule;
        } else if self.rules.len() + 1 < RULES_MAX || self.rules.contains_key(&scope) {
            self.rules.insert(scope, rule);
        } else {
            return Err(PolicyError::TooMany);
        }
        Ok(())
    }

    /// Takes a rule away: what it was about falls under another again.
    pub(super) fn remove(&mut self, scope: &Scope) -> Result<(), PolicyError> {
        if *scope == Scope::default() {
            return Err(PolicyError::Default);
        }
        self.rules.remove(scope).map(drop).ok_or_else(|| PolicyError::NoRule(scope.clone()))
    }
}

impl Scope {
    fn check(&self) -> Result<(), PolicyError> {
        for name in [&self.label, &self.action].into_iter().flatten() {
            if !(1..=LABEL_BYTES_MAX).contains(&name.len()) || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
                return Err(PolicyError::Name(name.clone()));
            }
        }
        match self.label.as_ref().filter(|label| text_of(label).is_some()) {
            Some(tokens) => Err(PolicyError::Tokens(tokens.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Scope {
    /// As it stands behind a rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.label.as_ref().map_or(Ok(()), |label| write!(f, " label {label}"))?;
        self.action.as_ref().map_or(Ok(()), |action| write!(f, " action {action}"))
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?} is no label and no action: they have 1 to {LABEL_BYTES_MAX} bytes and no white space"),
            Self::Tokens(label) => write!(f, "{label} spells a text and is kept as long as it is: set the rule for {}", text_of(label).unwrap_or_default()),
            Self::TooMany => write!(f, "a policy has at most {RULES_MAX} rules: remove one first"),
            Self::Default => f.write_str("the rule for everything else can be changed and not removed: give --keep or --train"),
            Self::NoRule(scope) => write!(f, "there is no rule for{scope}: `mickai retention show` lists them"),
            Self::NoChange => f.write_str("nothing to change: give --keep, --train, --automatic or --remove"),
        }
    }
}

impl std::error::Error for PolicyError {}

/// `keep 30d train no label prompt action generate`
fn rule(line: &str) -> Option<(Scope, Rule)> {
    let mut words = line.split(' ');
    let mut after = |name: &str| words.next().filter(|word| *word == name).and_then(|_| words.next());
    let keep = Keep::parse(after("keep")?)?;
    let may_train = yes(after("train")?)?;
    let mut scope = Scope::default();
    let rest: Vec<&str> = words.collect();
    for pair in rest.chunks(2) {
        match *pair {
            ["label", label] => scope.label = Some(label.to_owned()),
            ["action", action] => scope.action = Some(action.to_owned()),
            _ => return None,
        }
    }
    scope.check().ok()?;
    Some((scope, Rule { keep, may_train }))
}

fn yes(word: &str) -> Option<bool> {
    match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn word(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}
