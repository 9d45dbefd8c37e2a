DROP TABLE operators;
DROP TABLE call_events;
DROP TABLE calls;
DROP TABLE callers;
DROP TABLE episodes;
DROP TABLE show_numbers;
DROP TABLE shows;
