"""For each threat of docs/security.md an edit that takes its defence away, and tests that must then fail."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Removal:
    """A defence as it stands once in a file, what is left without it, and which tests notice that."""

    threat: int
    file: str
    defence: str
    without: str
    tests: tuple[str, ...]

    def applied(self, root: Path) -> str:
        """The file's text without the defence. Raises ValueError where that does not stand there once."""
        text = (root / self.file).read_text()
        if text.count(self.defence) != 1:
            raise ValueError(f"{self.file} does not hold this once: {self.defence}")
        return text.replace(self.defence, self.without)


def _of(threat: int, file: str, defence: str, without: str, *tests: str) -> Removal:
    return Removal(threat, file, defence, without, tuple(f"tests/test_{test}" for test in tests))


_PLAIN_LINES = 'text = "\\n".join(",".join(str(value) for value in row) for row in rows)'
_UNPACKED = (
    "            (Path(file.name).parent / member.filename).write_bytes(archive.read(member))\n"
    "            with archive.open(member) as packed:\n"
)
# Whole sentences of the code, so that an edit which no longer fits is noticed (tests/test_defences.py).
REMOVALS: Final = (
    _of(
        *(1, "analytics/access/socket_origin.py"),
        *("return origin == own or origin in trusted", "return True"),
        "board_socket.py::test_no_foreign_page_is_let_in_with_a_good_session",
    ),
    _of(
        *(2, "analytics/access/socket_origin.py"),
        "return origin == own or origin in trusted",
        'return origin.partition("//")[2].partition(":")[0] == domain or origin in trusted',
        "board_socket.py::test_the_origin_must_be_that_of_an_allowed_host_it_came_to",
    ),
    _of(
        *(3, "tracker/conversation/session.py"),
        *("if not self.caller.site.allows(url.host):", "if False:"),
        "session.py::test_a_page_says_no_url_of_another_site",
    ),
    _of(
        *(3, "tracker/edge/admission.py"),
        *("        if reason:\n", "        if False:\n"),
        "live_socket.py::test_wrong_origins_are_closed_4403",
    ),
    _of(
        *(4, "static/board/lists/row.js"),
        *("span.textContent = part", "span.innerHTML = part"),
        "board_page.py::test_names_are_shown_as_text_and_the_empty_ones_are_spelt_out",
    ),
    _of(
        *(4, "analytics/access/content_policy.py"),
        *("script-src 'self';", "script-src 'self' 'unsafe-inline';"),
        "headers.py::test_answers_are_for_our_own_pages_only",
    ),
    _of(
        *(5, "tracker/contract/messages.py"),
        *('if not url[:8].lower().startswith(("http://", "https://")):', "if not url:"),
        "messages.py::test_a_page_must_be_http",
    ),
    _of(
        *(5, "tracker/contract/messages.py"),
        'if not referrer[:14].lower().startswith(("http://", "https://", "android-app://")):',
        "if not referrer:",
        "messages.py::test_a_referrer_that_is_no_page_is_none",
    ),
    _of(
        *(6, "analytics/history/spreadsheet.py"),
        *('return "\'" + value', "return value"),
        "spreadsheet.py::test_what_would_start_a_formula_is_quoted",
    ),
    _of(
        *(7, "tracker/live/presence.py"),
        *("return name if len(counter) < room else OTHER", "return name"),
        "presence.py::test_what_has_no_name_takes_no_room_and_no_campaign_is_no_campaign",
    ),
    _of(
        *(8, "tracker/visitors/addresses.py"),
        *('    if ":" not in address:\n', "    if True:\n"),
        "address_limits.py::test_an_ipv6_network_of_64_bits_is_one_address",
    ),
    _of(
        *(8, "tracker/visitors/address_limits.py"),
        *("if address_use.sockets >= self._sockets:", "if False:"),
        "address_limits.py::test_an_address_holds_so_many_sockets_and_one_more_when_one_is_gone",
    ),
    _of(
        *(8, "deploy/nginx/footfall.conf"),
        *("websocket $footfall_place;", "websocket $remote_addr;"),
        "nginx.py::test_a_network_of_ipv6_asks_nginx_for_as_many_sockets_as_one_address",
    ),
    _of(
        *(9, "tracker/server/pieces.py"),
        *("if self._count > PIECES_LIMIT or self._size > messages.FRAME_LIMIT:", "if False:"),
        "frames.py::test_a_message_has_so_many_pieces_and_so_many_bytes",
    ),
    _of(
        *(10, "tracker/conversation/session.py"),
        *("if not self._allowance.take(now):", "if False:"),
        "session.py",
    ),
    _of(
        *(11, "tracker/contract/socket_bounds.py"),
        *("WHOLE_SECONDS: Final = 10.0", "WHOLE_SECONDS: Final = 100.0"),
        "floods.py::test_a_handshake_that_never_ends_is_cut",
    ),
    _of(
        *(12, "tracker/server/handshake.py"),
        'b"HTTP/1.1 101 Switching Protocols\\r\\n',
        'b"HTTP/1.1 101 Switching Protocols\\r\\nSec-WebSocket-Extensions: permessage-deflate\\r\\n',
        "live_socket.py::test_no_compression_is_ever_negotiated",
    ),
    _of(
        *(13, "tracker/visitors/addresses.py"),
        *("if forwarded is None or not _believed(address, trusted):", "if forwarded is None:"),
        "addresses.py",
    ),
    _of(
        *(13, "deploy/nginx/footfall.conf"),
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-For $http_x_forwarded_for;",
        "nginx.py::test_what_a_client_says_of_its_address_never_arrives",
    ),
    _of(
        *(14, "analytics/settings.py"),
        *("ALLOWED_HOSTS = table.ALLOWED_HOSTS.value()", 'ALLOWED_HOSTS = ["*"]'),
        "logs.py::test_bad_hosts_are_few_short_lines",
    ),
    _of(
        *(15, "tracker/edge/admission.py"),
        "raise Declined(REFUSED, Drop.UNKNOWN_SITE)",
        "raise Declined(OVERLOADED, Drop.UNKNOWN_SITE)",
        "live_socket.py::test_unknown_sites_and_bots_look_like_a_wrong_origin",
    ),
    _of(
        *(16, "analytics/access/rights.py"),
        "return visible_sites(reader).filter(_has_key(key)).first() if",
        "return Site.objects.filter(_has_key(key)).first() if",
        "refusals.py::test_everyone_gets_in_where_they_should_and_sees_only_their_sites",
    ),
    _of(
        *(17, "analytics/admin/sites.py"),
        *("return rights.owns(request.user, site)", "return True"),
        "refusals.py::test_who_only_looks_changes_nothing_by_any_verb",
    ),
    _of(
        *(18, "analytics/board/socket.py"),
        *("if await self._visible_site() is None:", "if False:"),
        "board_socket.py::test_logging_out_closes_the_board_within_five_seconds",
    ),
    _of(
        *(19, "analytics/access/tokens.py"),
        *("token.digest = digest(text)", "token.digest = text.encode()"),
        "tokens.py::test_the_text_of_a_token_is_stored_nowhere",
    ),
    _of(
        *(20, "analytics/access/token_text.py"),
        *("return hmac.compare_digest(kept, digest(text))", "return True"),
        "tokens.py::test_a_text_that_is_no_token_finds_none",
    ),
    _of(
        *(21, "analytics/board/socket.py"),
        *("import asyncio\n", "import asyncio\nimport urllib.request\n"),
        "security.py::test_the_product_asks_nobody",
    ),
    _of(
        *(22, "tracker/server/http_head.py"),
        *(r":[^\x00-\x08\x0a-\x1f\x7f]*\r\n", r":[^\r]*\r\n"),
        "handshake.py::test_anything_else_is_turned_away",
    ),
    _of(
        *(23, "tracker/contract/messages.py"),
        *('text = UNWANTED.sub("", text)', "pass"),
        "messages.py::test_control_characters_and_lone_surrogates_are_removed",
    ),
    _of(
        *(24, "tracker/contract/messages.py"),
        "except (ValueError, RecursionError, msgspec.ValidationError):",
        "except msgspec.ValidationError:",
        *("messages.py::test_numbers_that_are_none_are_refused", "messages.py::test_deep_nesting_is_refused"),
    ),
    _of(
        *(25, "tracker/pages/escapes.py"),
        *("if len(text) <= LIMIT:", "if True:"),
        "page_url.py::test_a_path_has_a_bound_and_no_half_escape_at_its_end",
    ),
    _of(
        *(26, "static/board/lists/list.js"),
        "#rows = new Map()",
        "#rows = new (class extends Map "
        "{ get(name) { return super.get(name) ?? Object.prototype[name]; } })()",
        "board_page.py::test_names_are_shown_as_text_and_the_empty_ones_are_spelt_out",
    ),
    _of(
        *(27, "tracker/visitors/agents.py"),
        *("return programs.is_program(user_agent)", "return False"),
        "agents.py::test_every_example_of_the_bot_list_is_recognised",
    ),
    _of(
        *(28, "tracker/pages/page_url.py"),
        *("if known in UTM or known in CLICK_IDS or name in keep:", "if True:"),
        "page_url.py::test_only_listed_parameters_stay_in_the_query_and_in_their_order",
    ),
    _of(
        *(28, "tracker/pages/page_url.py"),
        "page = _forgotten(place, naming) if names_user(place) else _remembered(place, naming)",
        "page = _remembered(place, naming)",
        "page_url.py::test_what_may_be_private_is_not_remembered",
    ),
    _of(
        *(28, "tracker/server/handshake.py"),
        *("if not NAMES_NOBODY.fullmatch(rest):", "if False:"),
        "handshake.py::test_what_names_a_visitor_is_not_remembered",
    ),
    _of(
        *(29, "tracker/logs/lines.py"),
        'return UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)',
        "return text",
        "logs.py::test_nobody_forges_a_line_of_text",
    ),
    _of(
        *(29, "tracker/logs/lines.py"),
        "if trace else {}))",
        "if trace else {}), ensure_ascii=False)",
        "logs.py::test_json_is_one_object_in_one_line",
    ),
    _of(
        *(30, "analytics/history/question_sql.py"),
        *('        return f"${name}"\n', "        return f\"'{self._values.pop(name)}'\"\n"),
        "questions.py::test_text_reaches_sql_as_a_parameter_only",
    ),
    _of(
        *(31, "analytics/access/login_view.py"),
        "login = StaffLoginView.as_view(redirect",
        'login = type("Open", (StaffLoginView,), '
        '{"get_redirect_url": lambda self: self.request.POST["next"]}).as_view(redirect',
        "board.py::test_a_login_leads_only_to_pages_of_our_own",
    ),
    _of(
        *(32, "analytics/access/content_policy.py"),
        *("; frame-ancestors 'none'", ""),
        "headers.py::test_answers_are_for_our_own_pages_only",
    ),
    _of(
        *(33, "analytics/settings.py"),
        *('    "django.middleware.csrf.CsrfViewMiddleware",\n', ""),
        "refusals.py::test_the_same_requests_change_something_for_who_may_and_nothing_from_another_site",
    ),
    _of(
        *(34, "analytics/access/login_rules.py"),
        *("if not known and (left := _left(counts.address, self.address, now)):", "if left := 0.0:"),
        *("login_rules.py", "login.py::test_an_address_has_so_many_tries_for_all_names_together"),
    ),
    _of(
        *(34, "analytics/access/login_rules.py"),
        *("if tries < self.name - 0.5:", "if True:"),
        "login_rules.py",
    ),
    _of(
        *(34, "analytics/access/login_rules.py"),
        *("return count.until - now if count.until > now and count.tries >= most else 0.0", "return 0.0"),
        "login_rules.py",
    ),
    _of(
        *(34, "analytics/access/hashing.py"),
        *("            if self.full:\n", "            if False:\n"),
        "login_door.py::test_beyond_those_who_may_wait_a_password_is_refused_at_once",
    ),
    _of(
        *(34, "analytics/access/door_lane.py"),
        *("or self._here[who] >= self._each:", "or False:"),
        "login_door.py::test_one_address_takes_no_more_than_its_share_of_the_room",
    ),
    _of(
        *(35, "tracker/storing/statements.py"),
        *("WHERE ((site_id, id) IN (SELECT site_id, id FROM new)) IS TRUE", "WHERE TRUE"),
        "store.py::test_saying_it_again_counts_nothing_twice",
    ),
    _of(
        *(36, "analytics/api/base.py"),
        *("            not request.path.endswith(SCHEMA)\n", "            False\n"),
        "headers.py::test_the_documentation_is_for_who_is_logged_in",
    ),
    _of(
        *(37, "analytics/configuration/secret_key.py"),
        *("    if len(key) < LEAST:\n", "    if False:\n"),
        "secret_key.py::test_a_key_that_can_be_guessed_is_refused_and_never_said",
    ),
    _of(
        *(38, "static/snippet/t.src.js"),
        *("      } catch {}\n", "      } finally {}\n"),
        "snippet_guest.py::test_a_host_that_breaks_what_it_needs_notices_nothing",
    ),
    _of(
        *(39, "analytics/up/leaving_root.py"),
        *("    account.become()\n", ""),
        "leaving_root.py::test_the_one_process_leaves_root_too",
    ),
    _of(
        *(40, "analytics/up/environments.py"),
        *("or kind in NEEDED_BY.get(name, ())", "or name in NEEDED_BY"),
        "environments.py::test_nobody_is_told_a_secret_that_they_do_not_need",
    ),
    _of(
        *(41, "analytics/up/leaving_root.py"),
        "os.chown(name, account.uid, account.gid, dir_fd=parent, follow_symlinks=False)",
        "os.chown(name, account.uid, account.gid, dir_fd=parent)",
        "leaving_root.py::test_no_link_is_followed",
    ),
    _of(
        *(42, "analytics/people/welcome.py"),
        *("if seconds := tries.count().wait:", "if seconds := 0.0:"),
        "people.py::test_links_are_guessed_no_more_often_than_passwords",
    ),
    _of(
        *(43, "analytics/people/personal_links.py"),
        *("    link.delete()\n", ""),
        "people.py::test_a_link_opens_once",
    ),
    _of(
        *(44, "analytics/people/personal_links.py"),
        *("        if not _still_holds(link):\n", "        if False:\n"),
        "people.py::test_an_owner_gives_no_more_than_they_have",
    ),
    _of(
        *(44, "analytics/people/personal_links.py"),
        *("        .filter(is_superuser=False, groups=None, user_permissions=None)\n", ""),
        "people.py::test_an_owner_sets_nobody_anew_who_could_do_more_than_they",
    ),
    _of(
        *(44, "analytics/people/personal_links.py"),
        *("link is not None and _still_holds(link) else None", "link is not None else None"),
        "people.py::test_an_invitation_ends_with_the_rights_of_whoever_made_it",
    ),
    _of(
        *(45, "analytics/access/second_factor.py"),
        *("return tries(request, user).count()", "return Tries(request, secrets.token_hex()).count()"),
        "account.py::test_codes_are_guessed_no_more_often_than_passwords",
    ),
    _of(
        *(45, "analytics/access/second_factor.py"),
        *("clock.verify(int(code), device.tolerance, device.last_t + 1)", "clock.verify(int(code), 1)"),
        "account.py::test_a_code_counts_once_also_when_two_arrive_together",
    ),
    _of(
        *(53, "analytics/access/sealed.py"),
        *("return MARK + urlsafe_b64encode(nonce + sealed).decode()", "return secret.hex()"),
        "account.py::test_the_database_alone_makes_no_codes",
    ),
    _of(
        *(46, "analytics/access/sessions.py"),
        *("for key, _ in _of(user) if key != but]", "for key, _ in _of(user) if not key]"),
        "account.py::test_sessions_are_listed_by_browser_and_ended",
    ),
    _of(
        *(47, "analytics/exporting/export_files.py"),
        *("return guard(value) if guarded and isinstance(value, str) else value", "return value"),
        "exporting.py::test_others_readers_read_it",
    ),
    _of(
        *(47, "analytics/api/stats.py"),
        *("text = spreadsheet.whole(rows, zone_of(site.timezone))", _PLAIN_LINES),
        "imported_answers.py::test_names_of_imports_are_text_in_csv",
    ),
    _of(
        *(48, "analytics/api/export.py"),
        "site = await rights.asite_for(request.auth, key)",
        "site = await rights.Site.objects.filter(key=key).afirst()",
        "exporting.py::test_the_api_streams_what_may_be_seen",
    ),
    _of(
        *(49, "analytics/importing/export_files.py"),
        *("        if self._left < 0:\n", "        if False:\n"),
        "importing.py::test_what_is_no_export_is_told_and_nothing_taken",
    ),
    _of(
        *(49, "analytics/importing/export_files.py"),
        *("        if self._line > LONGEST_LINE:\n", "        if False:\n"),
        "importing.py::test_what_is_no_export_is_told_and_nothing_taken",
    ),
    _of(
        *(50, "analytics/importing/export_files.py"),
        *("            with archive.open(member) as packed:\n", _UNPACKED),
        "importing.py::test_names_in_a_zip_lead_nowhere",
    ),
    _of(
        *(51, "analytics/sites/import_upload.py"),
        *("owned_sites(user).filter(pk=site.pk).exists()", "owned_sites(user) is not None"),
        "site_settings.py::test_files_of_other_products_come_in_and_go_again",
    ),
    _of(
        *(52, "analytics/api/rate_limits.py"),
        *("await self._others(name) or own", "own"),
        "api_sites.py::test_all_processes_count_together_and_alone_while_redis_is_away",
    ),
)
