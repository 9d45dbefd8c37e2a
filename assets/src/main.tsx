import { render } from 'preact';
import { App } from './app';
import './styles/index.css';
import { startClock } from './time';

startClock();
const root = document.getElementById('app');
if (root) render(<App />, root);
