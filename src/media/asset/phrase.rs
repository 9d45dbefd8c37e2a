//! What is put together of words: "you are number", "twenty", "three".

use super::Prompt;
use crate::media::NB_FRAME;
use crate::media::g711::{EncodedFrame, Law};

/// Prompts one after the other, a frame of silence between any two. It shares their memory: a hundred places in line need no
/// more than their words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    words: Vec<Prompt>,
}

impl Phrase {
    pub(super) fn of<'a>(words: impl IntoIterator<Item = &'a Prompt>) -> Self {
        Self {
            words: words.into_iter().cloned().collect(),
        }
    }

    /// Length in frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        let words: usize = self.words.iter().map(Prompt::frames).sum();
        words + self.words.len().saturating_sub(1)
    }

    /// Frame `n` in a law; `None` past the end.
    #[must_use]
    pub fn frame(&self, n: usize, law: Law) -> Option<&EncodedFrame> {
        let mut at = n;
        for word in &self.words {
            let frames = word.frames();
            if at < frames {
                return word.frame(at, law);
            }
            if at == frames && n + 1 < self.frames() {
                return Some(match law {
                    Law::Mu => const { &[Law::Mu.silence(); NB_FRAME] },
                    Law::A => const { &[Law::A.silence(); NB_FRAME] },
                });
            }
            at = at.checked_sub(frames + 1)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_on_one_another_with_a_frame_between() {
        let words = [0.1, 0.2, 0.3].map(|level| Prompt::encode(&[level; 2 * NB_FRAME]));
        let phrase = Phrase::of(&words);
        assert_eq!(phrase.frames(), 8);
        for law in Law::ALL {
            let silence = [law.silence(); NB_FRAME];
            let said: Vec<_> = (0..9).map(|n| phrase.frame(n, law)).collect();
            let [one, two, three] = words.each_ref().map(|word| word.frame(0, law));
            let pause = Some(&silence);
            assert_eq!(said, [one, one, pause, two, two, pause, three, three, None]);
        }
        assert_eq!(Phrase::of(&[]).frame(0, Law::A), None);
    }
}
