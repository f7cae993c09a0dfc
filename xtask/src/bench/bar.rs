//! One measured figure beside its goal.

use std::borrow::Cow;
use std::fmt;

/// Which side of the goal is the good one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// Prints as `bar <name> measured <x> goal <y> ok|short`; the unit stands at the end of the name.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: Cow<'static, str>,
    pub(crate) measured: f64,
    pub(crate) goal: Goal,
}

impl Bar {
    pub(crate) fn is_met(&self) -> bool {
        match self.goal {
            Goal::AtLeast(goal) => self.measured >= goal,
            Goal::AtMost(goal) => self.measured <= goal,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Goal::AtLeast(goal) | Goal::AtMost(goal)) = self.goal;
        let word = if self.is_met() { "ok" } else { "short" };
        write!(f, "bar {} measured {:.3} goal {goal:.3} {word}", self.name, self.measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_can_be_short() {
        let bar = |measured, goal| Bar { name: "x".into(), measured, goal }.to_string();
        assert_eq!(bar(0.9, Goal::AtLeast(0.85)), "bar x measured 0.900 goal 0.850 ok");
        assert_eq!(bar(0.8, Goal::AtLeast(0.85)), "bar x measured 0.800 goal 0.850 short");
        assert_eq!(bar(470.0, Goal::AtMost(480.0)), "bar x measured 470.000 goal 480.000 ok");
        assert_eq!(bar(490.0, Goal::AtMost(480.0)), "bar x measured 490.000 goal 480.000 short");
        assert!(!Bar { name: "x".into(), measured: f64::NAN, goal: Goal::AtMost(1.0) }.is_met());
    }
}
