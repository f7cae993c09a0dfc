//! How likely a token was, and how open the choice: from the logits that it was chosen from, before temperature and every cut.

use mickai_model::tokens::Token;

/// A token's log-probability, and the likeliest tokens at its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Likely {
    /// Of the token that came out; natural logarithm.
    pub logprob: f64,
    /// Of the whole distribution at its place, in nats: 0 where one token is certain.
    pub entropy: f64,
    /// The likeliest, best first; of equals the lowest id first.
    pub best: Vec<(Token, f64)>,
}

/// Computes all from one row of logits, all finite.
pub fn likelihood(logits: &[f32], token: Token, best_count: usize) -> Likely {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted) = (0f64, 0f64);
    for &logit in logits {
        let below = f64::from(logit) - f64::from(highest);
        let weight = below.exp();
        sum += weight;
        weighted += weight * below;
    }
    let logprob = |logit: f32| f64::from(logit) - f64::from(highest) - sum.ln();
    let mut best: Vec<(Token, f32)> = Vec::with_capacity(best_count + 1);
    for (index, &logit) in logits.iter().enumerate() {
        if best.len() == best_count && best.last().is_none_or(|&(_, least)| logit <= least) {
            continue;
        }
        let place = best.partition_point(|&(_, other)| other >= logit);
        // A vocabulary has fewer than 2³² rows.
        best.insert(place, (Token(index as u32), logit));
        best.truncate(best_count);
    }
    let of_token = logits.get(token.index()).copied().unwrap_or(f32::NEG_INFINITY);
    // −Σ p·ln p, where ln p is `below − ln sum`.
    let entropy = sum.ln() - weighted / sum;
    Likely { logprob: logprob(of_token), entropy, best: best.into_iter().map(|(token, logit)| (token, logprob(logit))).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_the_probabilities() {
        let of = |logits: &[f32]| likelihood(logits, Token(0), 0).entropy;
        assert!((of(&[7.5; 64]) - 64f64.ln()).abs() < 1e-12, "all alike");
        assert!(of(&[100.0, -700.0, -700.0]).abs() < 1e-12, "one certain");
        let logits = [0.5, 3.0, -1.0, 3.0, 2.0];
        let probabilities = likelihood(&logits, Token(0), 5).best.into_iter().map(|(_, logprob)| logprob.exp());
        let plain: f64 = probabilities.map(|p| -p * p.ln()).sum();
        assert!((of(&logits) - plain).abs() < 1e-12, "{plain}");
    }

    #[test]
    fn probabilities_sum_to_one_and_the_best_come_first() {
        let logits = [0.5, 3.0, -1.0, 3.0, 2.0];
        let likely = likelihood(&logits, Token(4), 3);
        let order: Vec<u32> = likely.best.iter().map(|(token, _)| token.0).collect();
        assert_eq!(order, [1, 3, 4]);
        assert_eq!(likely.best[2].1, likely.logprob);
        let sum: f64 = likelihood(&logits, Token(0), 5).best.iter().map(|(_, logprob)| logprob.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        assert!(likelihood(&logits, Token(0), 0).best.is_empty());
    }
}
