// @generated automatically by Diesel CLI.

diesel::table! {
    call_events (id) {
        id -> Text,
        call_id -> Text,
        happened_at -> Int8,
        what -> Text,
        operator_id -> Nullable<Text>,
        detail -> Text,
    }
}

diesel::table! {
    callers (id) {
        id -> Text,
        number -> Nullable<Text>,
        name -> Text,
        location -> Text,
        email -> Text,
        notes -> Text,
        blocked -> Bool,
        vip -> Bool,
        first_call_at -> Int8,
        last_call_at -> Int8,
        total_calls -> Int4,
    }
}

diesel::table! {
    calls (id) {
        id -> Text,
        show_id -> Nullable<Text>,
        episode_id -> Nullable<Text>,
        caller_id -> Text,
        from_number -> Nullable<Text>,
        dialled -> Text,
        direction -> Text,
        status -> Text,
        room_name -> Nullable<Text>,
        point -> Text,
        notes -> Text,
        priority -> Int4,
        screener_id -> Nullable<Text>,
        screener_name -> Nullable<Text>,
        muted -> Bool,
        queued_at -> Int8,
        answered_at -> Nullable<Int8>,
        screening_at -> Nullable<Int8>,
        held_at -> Nullable<Int8>,
        on_air_at -> Nullable<Int8>,
        first_on_air_at -> Nullable<Int8>,
        ended_at -> Nullable<Int8>,
        on_air_ms_before -> Int8,
        on_air_seconds -> Int8,
        duration_seconds -> Nullable<Int8>,
        cause -> Nullable<Text>,
        cause_text -> Nullable<Text>,
        cause_by -> Nullable<Text>,
        twilio_call_sid -> Nullable<Text>,
        sip_call_id -> Nullable<Text>,
        quality -> Nullable<Text>,
    }
}

diesel::table! {
    consents (call_id, entry) {
        call_id -> Text,
        entry -> Int4,
        caller_id -> Text,
        recorded_at -> Int8,
        given -> Bool,
        operator_id -> Text,
        operator_name -> Text,
        notice -> Text,
    }
}

diesel::table! {
    episodes (id) {
        id -> Text,
        show_id -> Text,
        number -> Int4,
        title -> Text,
        status -> Text,
        lines_open -> Bool,
        busy_all -> Bool,
        scheduled_at -> Nullable<Int8>,
        started_at -> Nullable<Int8>,
        ended_at -> Nullable<Int8>,
        hold_order -> Text,
        next_call -> Nullable<Text>,
    }
}

diesel::table! {
    operators (id) {
        id -> Text,
        name -> Text,
        name_folded -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        disabled -> Bool,
        created_at -> Int8,
    }
}

diesel::table! {
    show_numbers (number) {
        number -> Text,
        show_id -> Text,
        position -> Int4,
    }
}

diesel::table! {
    shows (id) {
        id -> Text,
        name -> Text,
        slug -> Text,
        next_policy -> Text,
        is_first -> Bool,
        created_at -> Int8,
    }
}

diesel::joinable!(call_events -> calls (call_id));
diesel::joinable!(calls -> callers (caller_id));
diesel::joinable!(calls -> episodes (episode_id));
diesel::joinable!(calls -> shows (show_id));
diesel::joinable!(consents -> callers (caller_id));
diesel::joinable!(consents -> calls (call_id));
diesel::joinable!(episodes -> shows (show_id));
diesel::joinable!(show_numbers -> shows (show_id));

diesel::allow_tables_to_appear_in_same_query!(
    call_events,
    callers,
    calls,
    consents,
    episodes,
    operators,
    show_numbers,
    shows,
);
