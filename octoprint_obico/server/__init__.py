"""The two channels to the Obico Server, HTTP and WebSocket, and what goes over them."""
