/** A control that shows its press at once, is busy until the answer, and says a refusal where it was pressed. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { armed } from '../commands';
import { isPending, refusalAt } from '../presses';
import { Icon, type IconName } from './icons';

export type Tone = 'plain' | 'quiet' | 'go' | 'mine' | 'warn';

export interface PressProps {
  /** Where in `presses` the state of this control is kept. */
  place: string;
  testId: string;
  /** Not for a submit button: its form hears the press. */
  onPress?: () => unknown;
  children: ComponentChildren;
  icon?: IconName;
  tone?: Tone;
  size?: 'small' | 'normal' | 'big';
  /** The key that does the same, shown on the control. */
  keyHint?: string;
  /** The words while `onPress` has armed this place and waits for the second press. */
  armedWord?: string;
  disabled?: boolean;
  pressed?: boolean;
  /** For controls whose word alone says too little out of its row. */
  label?: string;
  iconOnly?: boolean;
  type?: 'button' | 'submit';
}

export function Press(props: PressProps): JSX.Element {
  const { place, icon, tone = 'plain', size = 'normal', armedWord } = props;
  const pending = isPending(place);
  const isArmed = armedWord !== undefined && armed.value === place;
  const onClick = (event: MouseEvent) => {
    // After a mouse press the keys belong to the desk again: Space means Next, not this button.
    if (event.detail > 0 && event.currentTarget instanceof HTMLElement) event.currentTarget.blur();
    if (!pending) props.onPress?.();
  };
  return (
    <button
      type={props.type ?? 'button'}
      class={`press ${tone} ${size}${props.iconOnly ? ' icon-only' : ''}${isArmed ? ' armed' : ''}`}
      data-testid={props.testId}
      data-state={pending ? 'pending' : isArmed ? 'armed' : 'idle'}
      aria-busy={pending}
      aria-pressed={props.pressed}
      aria-label={isArmed ? armedWord : props.label}
      title={props.iconOnly ? props.label : undefined}
      disabled={props.disabled}
      onClick={onClick}
    >
      {pending ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      <span class={props.iconOnly ? 'visually-hidden' : 'word'}>{isArmed ? armedWord : props.children}</span>
      {props.keyHint && !isArmed && <kbd aria-hidden="true">{props.keyHint}</kbd>}
    </button>
  );
}

/** The sentence of the last refusal at any of these places; the announcer has read it out. */
export function Refusal({ places }: { places: readonly string[] }): JSX.Element | null {
  const detail = refusalAt(places);
  const ref = useRef<HTMLParagraphElement>(null);
  useEffect(() => ref.current?.scrollIntoView({ block: 'nearest' }), [detail]);
  if (detail === null) return null;
  return (
    <p class="refusal" data-testid="refusal" ref={ref}>
      <Icon name="warning" />
      <span>{detail}</span>
    </p>
  );
}
