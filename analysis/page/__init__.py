"""The report's page: tables and blocks as it shows them, and the HTML that holds them."""
