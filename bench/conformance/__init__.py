"""Whether Footfall's WebSocket is that of RFC 6455, in cases with the numbers of Autobahn's testsuite."""
