"""The plugins that come with the controller. Like any plugin they use `gradatim.plugin`, and nothing else of ours."""
