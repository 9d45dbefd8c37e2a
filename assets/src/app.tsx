/** The page of this address for whoever is signed in, with what stands on every page round it. */
import { effect } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { cough } from './audio/microphone';
import { takeSeat } from './audio/seat';
import { act, watchLines } from './desk';
import { watchDrafts } from './drafts';
import { listenKeys } from './keys';
import { AdminPage } from './pages/admin';
import { HostPage } from './pages/host';
import { ScreenerPage } from './pages/screener';
import { SignInPage } from './pages/sign-in';
import { DialDialog } from './parts/call-out';
import { ConnectionBar } from './parts/connection-bar';
import { ConsentDialog } from './parts/consent';
import { Header } from './parts/header';
import { Icon } from './parts/icons';
import { KeysOverlay } from './parts/keys-overlay';
import { LiveKitBar } from './parts/livekit-bar';
import { Notices } from './parts/notices';
import { PassOnDialog } from './parts/pass-on';
import { Press } from './parts/press';
import { SwitchBar } from './parts/switch-bar';
import { homeOf, pagesOf, type Page } from './policy';
import { navigate, path } from './route';
import { resume, session } from './session';

const TITLES: Record<Page, string> = { screener: 'Screener', host: 'Host', admin: 'Admin' };

export function App(): JSX.Element {
  useEffect(() => {
    void resume();
    return effect(keepRoute);
  }, []);
  const page = pageNow();
  return (
    <>
      <Header />
      {session.value.at === 'in' && <ConnectionBar />}
      {session.value.at === 'in' && <SwitchBar />}
      {session.value.at === 'in' && <LiveKitBar />}
      <Content page={page} />
      <Notices />
    </>
  );
}

function Content({ page }: { page: Page | null }): JSX.Element {
  const state = session.value;
  if (state.at === 'out') return <SignInPage />;
  if (state.at === 'unreachable') {
    return (
      <main class="alone">
        <div class="empty big">
          <Icon name="plug" />
          <p>
            <strong>The switch cannot be reached.</strong>
            <br />
            {state.detail}
          </p>
          <Press place="resume" testId="resume" tone="mine" onPress={resume}>
            Try again
          </Press>
        </div>
      </main>
    );
  }
  if (state.at === 'asking' || page === null) return <main class="alone" aria-busy="true" />;
  return <Desk page={page} />;
}

/** A signed-in desk: its keys, its line numbers, its seat in a room. */
function Desk({ page }: { page: Page }): JSX.Element {
  useEffect(() => {
    const stops = [
      takeSeat(),
      watchLines(),
      watchDrafts(),
      listenKeys(
        pageNow,
        (action) => actHere(action),
        () => cough(false),
      ),
    ];
    return () => stops.forEach((stop) => stop());
  }, []);
  return (
    <>
      {page === 'screener' && <ScreenerPage />}
      {page === 'host' && <HostPage />}
      {page === 'admin' && <AdminPage />}
      <DialDialog />
      <ConsentDialog />
      <PassOnDialog />
      <KeysOverlay page={page} />
    </>
  );
}

function actHere(action: Parameters<typeof act>[1]): void {
  const page = pageNow();
  if (page) act(page, action);
}

/** The page this address names, if this person may open it. */
function pageNow(): Page | null {
  if (session.value.at !== 'in') return null;
  return pagesOf(session.value.operator.role).find((page) => path.value === `/${page}`) ?? null;
}

/** Nobody stands at an address that is not theirs. */
function keepRoute(): void {
  const state = session.value;
  const page = pageNow();
  if (state.at === 'out' && path.value !== '/sign-in') navigate('/sign-in', 'replace');
  if (state.at === 'in' && page === null) navigate(`/${homeOf(state.operator.role)}`, 'replace');
  document.title = page ? `${TITLES[page]} · audioroad` : 'audioroad';
}
